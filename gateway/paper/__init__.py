"""The paper venue: an exchange on a real socket that speaks Binance's wire, to try things out.

It runs in its own process (``python -m gateway.paper``), imports nothing of the other apps, and
keeps its whole state in one SQLite file. ``server.py`` wires the parts; ``market.py`` carries an
order from acceptance to its end; ``spot*.py`` say what Binance spot adds to that.
"""
