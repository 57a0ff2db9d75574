"""What happens to orders when everything around them breaks, thousands of times, by seed?

One process, virtual time: ``clock`` is an event loop that skips its waits, ``venue`` an exchange
with a journal, ``exchange`` the ccxt instance through which the OMS talks to it and in which faults
strike. ``schedule`` draws what clients ask and what breaks, ``life`` runs the OMS's own lanes,
pollers and sweeper through it, killing the process in between, and ``invariants`` compares books
and journal afterwards. The same seed gives the same life.

    python -m tests.campaign --seeds 1000 --first 1
"""
