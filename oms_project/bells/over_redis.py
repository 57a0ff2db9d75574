"""How does Celery take messages from Redis that nobody has to give back?

Tasks are doorbells: the rows are the queue, and a bell that was lost is made up for by the sweeper.
So a message is gone once it is taken. kombu's own way keeps it until it is acknowledged, over the
connection that it came by; where Redis dies in between, kombu 5.7 asks a connection that it has
forgotten, and Celery ends the worker ("'NoneType' object has no attribute 'client'", or
'hostname').
"""

from typing import Any

from kombu.transport import redis


class Channel(redis.Channel):
    """Takes messages for good."""

    do_restore = False

    def basic_consume(self, queue: str, no_ack: bool, *args: Any, **facts: Any) -> Any:
        """As ever, with nothing kept for an acknowledgement."""
        return super().basic_consume(queue, True, *args, **facts)

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """There is nothing to acknowledge."""

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """There is nothing to give back."""


class Transport(redis.Transport):
    """kombu's, with that channel."""

    Channel = Channel
