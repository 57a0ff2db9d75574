"""How do clients hear what their open positions are worth now?

A mark is no event: it is in no log, has no seq, and only the newest one counts. One reader per loop
looks twice a second for all sockets together; each socket is told in one message what is new of
the positions it may see. Whoever has not taken the message before is told later, with what is
then so.
"""

import asyncio
import logging
from time import monotonic
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from django.conf import settings

from positions import selectors
from positions.models import Position
from positions.sockets.messages import news_text
from positions.sockets.outlet import Outlet
from positions.sockets.reading import for_everybody
from positions.sockets.snapshots import newest_seqs
from positions.sockets.subscriptions import Subscription
from positions.sockets.words import Namespace

log = logging.getLogger(__name__)

EVERY_S = 0.5
PAUSE_AFTER_FAILURE_S = 5.0
LONGEST_MARK_BYTES = 300
# A price that stays is told again so often, for its time: else it would look old and is not.
CONFIRM_EVERY_S = 2.0

Mark = dict[str, Any]


class Worth(NamedTuple):
    """What was told of one position, and when (monotonic seconds)."""

    mark_price: str | None
    floating_profit: str | None
    price_at: str | None
    told_at_s: float


class Watcher(Protocol):
    """A socket, as far as it is told of marks."""

    subscriptions: dict[int, Subscription]
    outlet: Outlet


class Marks:
    """The reader of one event loop; it sleeps while nobody is subscribed to positions."""

    def __init__(self) -> None:
        self._told: dict[Watcher, dict[int, Worth]] = {}
        self._open: dict[int, tuple[int, list[Position]]] = {}
        self._task: asyncio.Task[None] | None = None

    def tell(self, watcher: Watcher) -> None:
        """From now on, until it is forgotten."""
        self._told.setdefault(watcher, {})
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def forget(self, watcher: Watcher) -> None:
        """It hears nothing more."""
        self._told.pop(watcher, None)

    async def _run(self) -> None:
        while self._told:
            try:
                await self._look()
                await asyncio.sleep(EVERY_S)
            except Exception:
                log.exception("marks.failed")
                await asyncio.sleep(PAUSE_AFTER_FAILURE_S)

    async def _look(self) -> None:
        wanted = {
            account_id
            for watcher in self._told
            for account_id, each in watcher.subscriptions.items()
            if Namespace.POSITION in each.namespaces
        }
        if not wanted:
            return
        by_account = await for_everybody(self._read, sorted(wanted))
        for watcher, told in tuple(self._told.items()):
            _tell(watcher, told, by_account)

    def _read(self, account_ids: list[int]) -> dict[int, list[tuple[int, Mark]]]:
        """The marks of every open position, with its strategy; by account.

        Rows are read again only where something has happened on their account.
        """
        seqs = newest_seqs(account_ids)
        known = {number: self._open.get(number) for number in account_ids}
        stale = [number for number, each in known.items() if not each or each[0] != seqs[number]]
        if stale:
            rows = list(Position.objects.open().filter(account_id__in=stale).order_by("id"))
            for number in stale:
                own = [row for row in rows if row.account_id == number]
                self._open[number] = seqs[number], own
        self._open = {number: self._open[number] for number in account_ids}
        return {
            number: [
                (row.strategy_id, mark)
                for row, mark in zip(rows, selectors.marks_of(rows), strict=True)
            ]
            for number, (_, rows) in self._open.items()
        }


def _tell(
    watcher: Watcher, told: dict[int, Worth], by_account: dict[int, list[tuple[int, Mark]]]
) -> None:
    """One message with what is new for this socket; what does not fit comes next time."""
    if watcher.outlet.is_behind:
        return
    seen, news, now_s = set[int](), list[Mark](), monotonic()
    most = max(1, settings.OMS_MAX_MESSAGE_BYTES // LONGEST_MARK_BYTES)
    for account_id, subscription in watcher.subscriptions.items():
        if Namespace.POSITION not in subscription.namespaces:
            continue
        for strategy_id, mark in by_account.get(account_id, ()):
            if subscription.strategies is not None and strategy_id not in subscription.strategies:
                continue
            seen.add(mark["id"])
            if len(news) < most and _is_news(mark, told.get(mark["id"]), now_s):
                told[mark["id"]] = Worth(
                    mark["mark_price"], mark["floating_profit"], mark["price_at"], now_s
                )
                news.append(mark)
    for gone in told.keys() - seen:
        del told[gone]
    if news:
        text = news_text(Namespace.POSITION, "positions_marked", {"positions": news})
        watcher.outlet.put(text)


def _is_news(mark: Mark, told: Worth | None, now_s: float) -> bool:
    """Whether it is worth something else than was told, or its price was seen again since."""
    if told is None:
        return mark["mark_price"] is not None
    if (mark["mark_price"], mark["floating_profit"]) != (told.mark_price, told.floating_profit):
        return True
    return mark["price_at"] != told.price_at and now_s - told.told_at_s >= CONFIRM_EVERY_S


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Marks] = WeakKeyDictionary()


def marks() -> Marks:
    """The reader of the running loop."""
    running = asyncio.get_running_loop()
    if running not in _of_loops:
        _of_loops[running] = Marks()
    return _of_loops[running]
