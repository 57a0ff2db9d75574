"""Which connections are open, and which goes when there are too many?

Whoever has shown no key makes room, the longest here first: strangers may fill the house, but never
keep a guest out.
"""

import logging
from typing import Protocol

log = logging.getLogger(__name__)


class Connection(Protocol):
    """What can be counted and put out."""

    def put_out(self) -> None:
        """Close at once."""


class Crowd:
    """The connections of one port, ``most`` at a time."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._strangers: dict[Connection, None] = {}
        self._guests: set[Connection] = set()

    def __len__(self) -> int:
        return len(self._strangers) + len(self._guests)

    def enter(self, newcomer: Connection) -> bool:
        """A connection is here; whether there is room for it."""
        if len(self) >= self.most and not self._make_room():
            log.warning("port.full", extra={"connections": len(self)})
            return False
        self._strangers[newcomer] = None
        return True

    def know(self, guest: Connection) -> None:
        """The connection has shown a good key."""
        if guest in self._strangers:
            del self._strangers[guest]
            self._guests.add(guest)

    def leave(self, gone: Connection) -> None:
        """The connection is no more."""
        self._strangers.pop(gone, None)
        self._guests.discard(gone)

    def _make_room(self) -> bool:
        longest = next(iter(self._strangers), None)
        if longest is None:
            return False
        del self._strangers[longest]
        longest.put_out()
        return True
