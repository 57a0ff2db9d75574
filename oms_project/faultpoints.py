"""Where on an order's way may a test make this process stumble?

Each place is named where it lies, with ``at(Place.…)``. Nobody listens in production; a test
listens and raises, ends or pauses the process there, by its seed.
"""

from collections.abc import Callable
from enum import StrEnum


class Place(StrEnum):
    """The moments after which something is stored, sent or known that was not before."""

    CLAIMED = "claimed"  # The claim is committed, nothing has left.
    ANSWERED = "answered"  # The exchange has acted and said so, nothing is stored.
    RECORDED = "recorded"  # The raw answer is stored, nothing is booked.
    BOOKING = "booking"  # In the middle of the transaction that books.
    BOOKED = "booked"  # It is booked, nobody was told.


_listener: Callable[[Place], None] | None = None


def at(place: Place) -> None:
    """Let whoever listens stumble here."""
    if _listener is not None:
        _listener(place)


def listen(listener: Callable[[Place], None] | None) -> None:
    """Call ``listener`` at every place from now on; ``None`` for nobody."""
    global _listener  # noqa: PLW0603 (one per process is the point of the module)
    _listener = listener
