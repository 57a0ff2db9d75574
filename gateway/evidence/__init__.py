"""What the exchange said, between its arrival and its booking.

Doors: ``booking.book`` takes any answer: ``raw`` stores it, ``normalize`` reads it into reports,
the projector books them. ``about`` says of which of our orders an answer speaks, where it does not
say so itself; ``storage``, in which tables an account's evidence lies. Always: evidence is
committed before it is read, is append-only, and what cannot be read is set apart with its reason
while the rest goes on.
"""
