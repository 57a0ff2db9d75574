"""Where does a ledger of a million deals come from?

``past`` invents what happens on an account and lets the engine book it; ``rows`` and ``writing``
bring it into the database in bulk; ``tampering`` spoils it. ``python -m bench.ledger`` does all of
it and proves the books in between.
"""
