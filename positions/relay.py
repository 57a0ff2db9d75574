"""Who is told that an account changed, without polling?

After every commit the outbox announces ``(account, newest seq, settled commands)``. Each process
keeps one ``Hub``: waiting requests and sockets register with it and are woken. The announcement
only says "look": the truth is in the tables, so a lost one costs a waiter its time-out, never an
answer.

``OMS_RELAY_URL`` is ``memory://`` (everything in one process) or ``redis://…`` (one publish per
commit, one subscription per process).
"""

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from functools import cache

from django.conf import settings

log = logging.getLogger(__name__)

CHANNEL = "oms.relay.{database}"  # Redis's channels know no databases; two products may share it.
REDIS_TIMEOUT_S = 0.2
RECONNECT_S = 1.0


@dataclass(frozen=True, slots=True)
class News:
    """What changed in one commit.

    ``rings`` says instead that something waits to be sent, ``prices_of`` that somebody waits for
    the prices of these symbols on the account's exchange.
    """

    account_id: int
    seq: int
    command_ids: tuple[int, ...] = ()
    rings: bool = False
    prices_of: tuple[str, ...] = ()


class Hub:
    """The listeners of this process. Safe to use from any thread and any event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: set[Callable[[News], None]] = set()

    def tell(self, news: News) -> None:
        """Pass the news to every listener; they only set a flag and return."""
        with self._lock:
            listeners = tuple(self._listeners)
        for listener in listeners:
            try:
                listener(news)
            except Exception:
                log.exception("hub.listener_broke", extra={"account_id": news.account_id})

    def listen(self, listener: Callable[[News], None]) -> None:
        """Hear all news from now on."""
        with self._lock:
            self._listeners.add(listener)

    @contextmanager
    def listening(self, listener: Callable[[News], None]) -> Iterator[None]:
        """Hear all news while the block runs."""
        self.listen(listener)
        try:
            yield
        finally:
            with self._lock:
                self._listeners.discard(listener)


class Waiter:
    """Wakes one coroutine when news of its commands arrive; registered before they are stored."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._command_ids: frozenset[int] = frozenset()
        self._heard: set[int] = set()  # Whose ids are told to this waiter only afterwards.

    def watch(self, command_ids: Iterable[int]) -> None:
        """Choose the commands whose news wake this waiter; at once where they came already."""
        self._command_ids = frozenset(command_ids)
        self._woken.clear()
        known = {command_id for command_id in self._command_ids if command_id in self._heard}
        self._heard -= known
        if known:
            self._woken.set()

    def hear(self, news: News) -> None:
        """Called by the hub on any thread."""
        self._heard.update(news.command_ids)  # First: ``watch`` asks in the opposite order.
        if self._command_ids.isdisjoint(news.command_ids):
            return
        # A loop that is closing has nobody left to wake.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._woken.set)

    async def wait(self, timeout_s: float) -> bool:
        """Whether news came within ``timeout_s`` seconds."""
        try:
            await asyncio.wait_for(self._woken.wait(), timeout_s)
        except TimeoutError:
            return False
        self._woken.clear()
        return True


class MemoryRelay:
    """Announcements within one process."""

    def announce(self, news: News) -> None:
        """Tell this process's hub."""
        hub().tell(news)

    def start(self) -> None:
        """Nothing to subscribe to."""


class RedisRelay:
    """Announcements over one Redis channel; a dead Redis costs a commit at most 0.2 s."""

    def __init__(self, url: str) -> None:
        import redis  # Only where Redis is used.

        self._redis = redis.Redis.from_url(
            url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S
        )
        self._listener = redis.Redis.from_url(url, socket_connect_timeout=REDIS_TIMEOUT_S)
        facts = self._redis.connection_pool.connection_kwargs
        self._channel = CHANNEL.format(database=facts.get("db") or 0)
        self._started = threading.Lock()
        self._errors: type[Exception] = redis.RedisError

    def announce(self, news: News) -> None:
        """Publish; a failure is logged and otherwise ignored, because the rows are the truth."""
        try:
            self._redis.publish(self._channel, json.dumps(astuple(news)))
        except self._errors:
            log.warning("relay.publish_failed", extra={"account_id": news.account_id})

    def start(self) -> None:
        """Subscribe once per process, in a daemon thread that reconnects for ever."""
        if self._started.acquire(blocking=False):
            threading.Thread(target=self._listen, name="relay", daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                with self._listener.pubsub(ignore_subscribe_messages=True) as channel:
                    channel.subscribe(self._channel)
                    for message in channel.listen():
                        hub().tell(_read(message["data"]))
            except self._errors:
                log.warning("relay.subscription_lost")
                threading.Event().wait(RECONNECT_S)


def _read(message: bytes) -> News:
    account_id, seq, command_ids, rings, prices_of = json.loads(message)
    return News(account_id, seq, tuple(command_ids), rings, tuple(prices_of))


@cache
def hub() -> Hub:
    """This process's hub."""
    return Hub()


@cache
def relay() -> MemoryRelay | RedisRelay:
    """The relay that settings name."""
    url = settings.OMS_RELAY_URL
    return MemoryRelay() if url.startswith("memory:") else RedisRelay(url)
