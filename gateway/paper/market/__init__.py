"""What every market of the venue is made of: symbols, prices, candles, public answers and streams.

Stands on ``ground``: the store, the prices and the options of one venue, and on nothing that is
built from it.
"""
