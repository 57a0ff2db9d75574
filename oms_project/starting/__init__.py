"""How does an installation begin, and which processes does it run?

Doors: ``up`` (``make run``; ``welcome`` is what it shows), ``embedded`` (all parts in one process),
``web`` (the web process), ``installing`` and ``quickstart`` (first rows, first keys), ``touring``
(``make demo``). Always: every step finds what is there already and may be repeated.
"""
