"""What does a class of ccxt do with what we would tell it? Found by asking it, offline.

``make exchanges`` asks every class of the installed ccxt and writes the ``table`` that
``gateway.exchanges.seen`` reads, and the ``document`` for people. ``instances`` makes a class with
fake keys and invented markets whose requests are noted and answered by nobody, ``answers`` is an
answer that has whatever is looked for in it, ``requests`` compares what would have left,
``questions`` has the columns. Always: nothing here reaches the network, and the same ccxt gives the
same table.
"""
