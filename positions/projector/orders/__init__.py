"""How do orders live, from being accepted to their end?

Doors: ``placing`` makes their rows, ``claims`` hands them to whoever sends, ``outcomes`` books what
became of a send, ``replacing`` and ``cancelling`` change and end them, ``progress`` says where they
stand. ``reducing``, ``replanning`` and ``expiring`` follow up what may only reduce, what a rule
refused and what has its time; ``caps`` says which order has to end before another is sent. Always:
a claim is committed before the wire, and an end is final only once every fill is booked.
"""
