"""What does a fill, a payment or a close mean for a position? Pure functions of values.

Doors: ``book`` books fills, ``routing`` finds whose they are, ``closing``, ``close_by``, ``merge``
and ``funding`` say what else changes a position, ``protection`` which step a trigger takes,
``drift`` what differs from the exchange. Always: the standard library only; no time, no ids, no
input or output; money is ``Decimal``.
"""
