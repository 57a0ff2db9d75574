"""How do a change, its events and its wake-up call become one?

``holding`` opens the transaction, locks the account's lane and hands out its counters. What is told
inside is written with the lane when the block ends and announced after the commit. Nothing books or
tells anywhere else, which is why ``seq`` and ``booking_no`` have no gaps.

Whoever changes something that the protection of a symbol follows says so with ``touch``; before the
block ends, what was registered with ``when_touched`` is called once per symbol.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from positions.engine.money import exact_decimals
from positions.engine.types import CommandStatus
from positions.models import AccountLane, Command, Event
from positions.ports import exchange
from positions.relay import News, relay

log = logging.getLogger(__name__)

_OVER = (CommandStatus.COMPLETED, CommandStatus.FAILED)
_COUNTERS = ["last_seq", "last_booking_no", "execution_count", "execution_hash"]
_MOST_ROUNDS = 10  # What follows a change may change something itself, but not for ever.


class HeldLane:
    """The account's lane while it is locked; ``now`` is one time for the whole transaction."""

    def __init__(self, lane: AccountLane) -> None:
        self.account_id: int = lane.pk
        self.now: datetime = timezone.now()
        self._lane = lane
        self._events: list[Event] = []
        self._settled: list[int] = []
        self._touched: dict[str, bool] = {}
        self._rings: set[str] = set()
        self._before = self._counters()

    @property
    def fence(self) -> int:
        """The number of the lease under which the account is served now."""
        return self._lane.fence

    @property
    def last_booking_no(self) -> int:
        """The number of the newest deal or journal entry."""
        return self._lane.last_booking_no

    def next_booking_no(self) -> int:
        """The number of the next deal or journal entry."""
        self._lane.last_booking_no += 1
        return self._lane.last_booking_no

    @property
    def execution_hash(self) -> str:
        """The hash of the newest execution, empty before the first."""
        return self._lane.execution_hash

    def chain_execution(self, digest: str) -> int:
        """Append to the account's hash chain; returns the execution's number."""
        self._lane.execution_count += 1
        self._lane.execution_hash = digest
        return self._lane.execution_count

    @property
    def execution_count(self) -> int:
        """How many executions the account has."""
        return self._lane.execution_count

    def tell(
        self,
        event: str,
        payload: dict[str, Any],
        *,
        strategy_id: int = 0,
        position_strategy_id: int | None = None,
        namespace: str = "position",
    ) -> None:
        """Append an event to the account's log, for the keys of its strategy.

        Keys of ``position_strategy_id`` see it too, where it is given.
        """
        self._lane.last_seq += 1
        self._events.append(
            Event(
                account_id=self.account_id,
                seq=self._lane.last_seq,
                event=event,
                namespace=namespace,
                strategy_id=strategy_id,
                position_strategy_id=position_strategy_id,
                payload=payload,
                created_at=self.now,
            )
        )

    def touch(self, symbol: str, *, fully: bool = False) -> None:
        """Positions of ``symbol``, their stops or their closes changed.

        ``fully``: something may be new that no row of its own tells yet.
        """
        self._touched[symbol] = self._touched.get(symbol, False) or fully

    def wake_exchange(self) -> None:
        """Once the transaction has committed, say that something waits to be sent."""
        self._ring("exchange", lambda: exchange().wake(self.account_id))

    def watch_prices(self) -> None:
        """Once the transaction has committed, say that other prices are to be watched."""
        self._ring("prices", lambda: exchange().watch_prices(self.account_id))

    def follow(self) -> None:
        """Have everybody follow what was touched, until nothing is touched any more."""
        for _round in range(_MOST_ROUNDS):
            touched, self._touched = self._touched, {}
            if not touched:
                return
            for symbol, fully in touched.items():
                for follower in _followers:
                    follower(self, symbol, fully)
        log.error("lane.never_at_rest", extra={"account_id": self.account_id})

    def settle(
        self, command: Command, status: CommandStatus, error: dict[str, Any] | None = None
    ) -> None:
        """Move a command on and wake who waits for it, and the commands queued behind it."""
        command.status = status
        command.error = error
        command.finished_at = self.now if status in _OVER else None
        command.save(update_fields=["status", "error", "finished_at", "order_ids", "position_ids"])
        self._settled.append(command.pk)

    def _ring(self, bell: str, ring: Callable[[], None]) -> None:
        """One ring per bell and transaction is enough."""
        if bell not in self._rings:
            self._rings.add(bell)
            transaction.on_commit(ring)

    def _counters(self) -> tuple[int, int, int]:
        lane = self._lane
        return lane.last_seq, lane.last_booking_no, lane.execution_count

    def write(self) -> None:
        """Store counters and events; announce them once the transaction has committed."""
        if self._counters() != self._before:
            self._lane.save(update_fields=_COUNTERS)  # The lease is renewed by somebody else.
        if self._events:
            Event.objects.bulk_create(self._events)
        if self._events or self._settled:
            news = News(self.account_id, self._lane.last_seq, tuple(self._settled))
            transaction.on_commit(partial(relay().announce, news))


@contextmanager
def holding(account_id: int) -> Iterator[HeldLane]:
    """One transaction under the account's lock; an exception undoes all of it.

    Inside, decimals are the engine's: 50 digits, so that no sum of two stored numbers is rounded.
    """
    with exact_decimals(), turn(), transaction.atomic():
        lane = HeldLane(AccountLane.objects.hold(account_id))
        yield lane
        lane.follow()
        lane.write()


@contextmanager
def trying(account_id: int) -> Iterator[HeldLane]:
    """The same transaction under the same lock, of which nothing stays and nobody is told."""
    with exact_decimals(), turn(), transaction.atomic():
        yield HeldLane(AccountLane.objects.hold(account_id))
        transaction.set_rollback(True)


Follower = Callable[[HeldLane, str, bool], None]
_followers: list[Follower] = []


def when_touched(follower: Follower) -> None:
    """Call ``follower(lane, symbol, fully)`` at the end of each transaction that touched one."""
    _followers.append(follower)


_one_writer = threading.RLock()


def turn() -> AbstractContextManager[object]:
    """SQLite has one writer, and makes others sleep and try again: threads queue here instead.

    Who is inside a transaction already has the file, and must not wait for those who wait for it.
    """
    queues = connection.vendor == "sqlite" and not connection.in_atomic_block
    return _one_writer if queues else nullcontext()
