"""What a client calls of ccxt itself.

Doors: ``functions`` (what may be called), ``arguments`` (with what), ``reads`` (answers),
``configuring`` (account settings), ``ccxt_orders`` (orders in ccxt's form, from and to our
commands), ``market_feeds`` (streams), ``restricted`` (what a restricted key may learn). Always:
what has no entry and no form is refused by name; reading goes through sessions of its own
(``readers``), so that no client is in an order's way; answers leave as ``shapes``, exactly.
"""
