"""How does what happened become deals and positions?

Doors: ``fills`` books trades, ``funding`` payments, ``transfers`` close-bys and merges, ``dust``
what is too small to trade; ``closable`` says whether the exchange would take a close of what is
left. Always: ``deals`` writes and tells every deal; it has the next booking number of its account
and carries its order's strategy (its position's where it has no order); the engine decided its
numbers.
"""
