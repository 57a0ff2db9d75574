"""One connection to one exchange: what it is asked with, and what an answer proves.

Doors: ``kept.open_for`` (the account's live session), ``session.Session`` (acting and asking),
``finding`` (which order is the one looked for), ``markets.rules`` and ``refresh``,
``position_mode``, ``refusals.told`` (what a client hears of a failed call). Always: whatever goes
wrong is one of ``outcomes``; without a proof it is ``Unanswered``. An order, cancel or edit leaves
once and is never repeated here. No text of an exchange gets out of here.
"""
