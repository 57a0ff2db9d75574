"""Which accounts does this process serve, and is it still allowed to?

A lease in the database (``positions.projector.leases``) is taken for ``OMS_LEASE_S`` seconds and
renewed three times within them. This process sends nothing more once two thirds have passed without
a renewal, by its own monotonic clock: a process that was paused, or cut off from the database,
stops before somebody else may begin.
"""

import hashlib
import os
import secrets
import socket
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import monotonic

from django.conf import settings

from positions.projector import leases
from positions.projector.leases import Lease

SAFE_PART = 2 / 3


@dataclass(slots=True)
class Tenure:
    """The time for which this process may act for one account."""

    lease: Lease
    renewed_at_s: float = field(default_factory=monotonic)

    @property
    def account_id(self) -> int:
        """Whose lease it is."""
        return self.lease.account_id

    @property
    def fence(self) -> int:
        """What a claim has to show."""
        return self.lease.fence

    @property
    def sends_until_s(self) -> float:
        """Until when it may send, by ``time.monotonic``."""
        return self.renewed_at_s + settings.OMS_LEASE_S * SAFE_PART

    @property
    def may_send(self) -> bool:
        """Whether it may send now."""
        return monotonic() < self.sends_until_s


def take(account_id: int) -> Tenure | None:
    """Begin to serve the account; ``None`` where another process does.

    The time counts from before the question: the database's begins later.
    """
    asked_at_s = monotonic()
    lease = leases.take(account_id, owner=me(), for_s=settings.OMS_LEASE_S, is_dead=is_dead)
    return None if lease is None else Tenure(lease, asked_at_s)


def renew(tenures: list[Tenure]) -> list[Tenure]:
    """Prolong them; returns those that were lost."""
    asked_at_s = monotonic()
    kept = leases.renew(
        [tenure.lease for tenure in tenures], owner=me(), for_s=settings.OMS_LEASE_S
    )
    for tenure in tenures:
        if tenure.account_id in kept:
            tenure.renewed_at_s = asked_at_s
    return [tenure for tenure in tenures if tenure.account_id not in kept]


def release() -> None:
    """Leave every account to the next process, at once."""
    leases.release(owner=me())


def me() -> str:
    """This process, among all processes on all machines: place, number, and a mark of this life."""
    return _name(os.getpid())


def is_dead(owner: str) -> bool:
    """Whether a process of this same place has ended for certain; of other places nobody knows."""
    place, number, _ = (*owner.split("/"), "", "")[:3]
    if place != _place() or not number.isdecimal() or owner == me():
        return False
    if int(number) == os.getpid():
        return True  # Our number in an earlier life.
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


@cache
def _name(number: int) -> str:
    return f"{_place()}/{number}/{secrets.token_hex(4)}"


@cache
def _place() -> str:
    """Where process numbers mean the same: host, boot and process namespace."""
    facts = [socket.gethostname()]
    for path in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        facts.append(_read(Path(path)))
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def _read(path: Path) -> str:
    try:
        return str(path.readlink()) if path.is_symlink() else path.read_text().strip()
    except OSError:
        return ""
