"""What goes wrong for one holds up nobody else, and is told.

Doors: ``beside.side_by_side`` and ``Beside`` do things for several symbols, orders or accounts
beside one another; ``blind`` remembers what is not seen, since when and why. Always: each has a
time budget of its own, and a failure stays where it happened.
"""
