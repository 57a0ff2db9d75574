"""How does an in-process worker hear of a task at once, without polling?

kombu's memory transport asks its queues once a second. This one waits on a bell that every message
rings, so an idle worker sleeps and a task starts within a millisecond. It is used where web, worker
and scheduler share one process (``bell://``); everything else about Celery stays as it is.
"""

import threading
import time
from queue import Empty

from kombu.transport import TRANSPORT_ALIASES, memory


class Bell:
    """Counts rings, so that one between looking and waiting is not missed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rings = 0

    @property
    def rings(self) -> int:
        """How often it rang so far."""
        return self._rings

    def ring(self) -> None:
        """Wake everyone who waits."""
        with self._changed:
            self._rings += 1
            self._changed.notify_all()

    def wait(self, *, after: int, timeout_s: float | None) -> bool:
        """Whether it rang again since the count was ``after``."""
        with self._changed:
            return self._changed.wait_for(lambda: self._rings != after, timeout_s)


BELL = Bell()


class Channel(memory.Channel):
    """Rings when there is something to take, or room to take it."""

    def _put(self, queue, message, **kwargs):
        super()._put(queue, message, **kwargs)
        BELL.ring()

    def _put_fanout(self, exchange, message, routing_key=None, **kwargs):
        super()._put_fanout(exchange, message, routing_key, **kwargs)
        BELL.ring()

    def basic_ack(self, delivery_tag, multiple=False):
        super().basic_ack(delivery_tag, multiple)
        BELL.ring()


class Transport(memory.Transport):
    """Drains by waiting for the bell."""

    Channel = Channel

    def drain_events(self, connection, timeout=None):
        """Deliver one message.

        Raises:
            TimeoutError: none came within ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            seen = BELL.rings
            try:
                self.cycle.get(self._deliver, timeout=timeout)
            except Empty:
                left = None if deadline is None else deadline - time.monotonic()
                if (left is not None and left <= 0) or not BELL.wait(after=seen, timeout_s=left):
                    raise TimeoutError from None
            else:
                return


def register() -> None:
    """Make ``bell://`` known to kombu; ``redis://`` means ``oms_project.bells.over_redis``."""
    TRANSPORT_ALIASES["bell"] = f"{__name__}:Transport"
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = "oms_project.bells.over_redis:Transport"
