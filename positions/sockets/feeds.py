"""How do a committed account's events reach all sockets of this process, each once and in order?

One ``Feed`` per account and process reads what is new by ``seq``, woken by the relay within
milliseconds of the commit, by itself every second (a lost announcement, Redis gone), and hands it
to its subscriptions. It never skips: only events that follow without a hole are taken.
"""

import asyncio
import logging
from weakref import WeakKeyDictionary

from positions.relay import News, hub
from positions.sockets.messages import LoggedEvent
from positions.sockets.reading import for_everybody, for_user
from positions.sockets.snapshots import read_log
from positions.sockets.subscriptions import Subscription

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 1.0
PAUSE_AFTER_FAILURE_S = 1.0
# Behind a hole is a commit that will show in a moment.
PAUSE_AT_HOLE_S = 0.01
PAGE = 500


class Feed:
    """The reader of one account's log. Up to ``seq``, everything was handed out."""

    def __init__(self, account_id: int, seq: int) -> None:
        self.account_id, self.seq = account_id, seq
        self.subscriptions: set[Subscription] = set()
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def look(self) -> None:
        """Something may be new."""
        self._news.set()

    def end(self) -> None:
        """Read no more."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            try:
                await self._advance()
                await asyncio.wait_for(self._news.wait(), LOOK_AGAIN_S)
            except TimeoutError:
                pass
            except Exception:
                log.exception("feed.failed", extra={"account_id": self.account_id})
                await asyncio.sleep(PAUSE_AFTER_FAILURE_S)

    async def _advance(self) -> None:
        self._news.clear()
        while True:
            found = await for_everybody(read_log, self.account_id, after=self.seq, most=PAGE)
            self._hand_out([LoggedEvent(event) for event in found])
            if len(found) < PAGE:
                return

    def _hand_out(self, events: list[LoggedEvent]) -> None:
        for subscription in tuple(self.subscriptions):
            subscription.deliver(events)
        if events:
            self.seq = events[-1].seq


class Feeds:
    """The feeds of one event loop; a feed lives as long as somebody listens to it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._feeds: dict[int, Feed] = {}
        hub().listen(self._hear)

    async def join(self, subscription: Subscription) -> None:
        """Catch up with the account's feed, then hear what comes next.

        Raises:
            EventsExpired: what comes next for the subscription was deleted.
        """
        while True:
            feed = self._feeds.get(subscription.account_id)
            if feed is None:
                feed = Feed(subscription.account_id, subscription.at)
                self._feeds[subscription.account_id] = feed
            if subscription.at >= feed.seq:
                feed.subscriptions.add(subscription)
                feed.look()
                return
            await catch_up(subscription, until=feed.seq)

    def leave(self, subscription: Subscription) -> None:
        """Hear nothing more."""
        feed = self._feeds.get(subscription.account_id)
        if feed is None:
            return
        feed.subscriptions.discard(subscription)
        if not feed.subscriptions:
            self._feeds.pop(subscription.account_id).end()

    def _hear(self, news: News) -> None:
        """Called by the hub on any thread."""
        # A loop that is closing has nobody left to wake.
        if news.account_id in self._feeds and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._look, news.account_id)

    def _look(self, account_id: int) -> None:
        if feed := self._feeds.get(account_id):
            feed.look()


async def catch_up(subscription: Subscription, *, until: int) -> None:
    """Deliver from the log up to the event ``until``, as fast as the client takes it.

    Raises:
        EventsExpired: what comes next for the subscription was deleted.
    """
    most = min(PAGE, subscription.outlet.limit)
    while subscription.at < until:
        await subscription.outlet.room(most)
        after = subscription.at
        count = min(most, until - after)
        found = await for_user(
            subscription.user_id, read_log, subscription.account_id, after=after, most=count
        )
        subscription.deliver([LoggedEvent(event) for event in found])
        if not found:
            await asyncio.sleep(PAUSE_AT_HOLE_S)


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Feeds] = WeakKeyDictionary()


def feeds() -> Feeds:
    """The feeds of the running loop."""
    running = asyncio.get_running_loop()
    if running not in _of_loops:
        _of_loops[running] = Feeds()
    return _of_loops[running]
