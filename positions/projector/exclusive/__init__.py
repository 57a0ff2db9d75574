"""One close, always: what keeps two live orders from each closing the whole of one position.

Doors: ``waiting`` lets go what waited for an order to end (``orders.caps`` says for which);
``close_bys`` carries out the transfers that waited. Always: nothing is let go before the other is
proven gone.
"""
