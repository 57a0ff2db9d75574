"""Write events as fast as told: into an account's log, or straight to a Redis channel.

python -m bench.event_writer ACCOUNT_ID EVENTS EVENTS_PER_COMMIT COMMITS_PER_S [REDIS_URL]

With a Redis URL the same texts are published instead, and nothing is stored. 0 commits a second
means without a pause.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

CHANNEL = "bench.events"


def main() -> None:
    """Write, and leave."""
    account_id, events, per_commit, per_s = map(int, sys.argv[1:5])
    write = _publisher(sys.argv[5]) if len(sys.argv) > 5 else _writer()
    started = time.monotonic()
    for number in range(0, events, per_commit):
        write(account_id, range(number, number + per_commit))
        if per_s:
            due = started + (number + per_commit) / per_commit / per_s
            time.sleep(max(due - time.monotonic(), 0))


def _writer() -> Callable[[int, range], None]:
    os.environ["DJANGO_SETTINGS_MODULE"] = "oms_project.settings"
    import django

    django.setup()
    from positions.outbox import holding  # Models exist only once Django is set up.

    def write(account_id: int, numbers: range) -> None:
        with holding(account_id) as lane:
            for number in numbers:
                lane.tell("reconciliation_tick", {"number": number})

    return write


def _publisher(url: str) -> Callable[[int, range], None]:
    import redis

    client = redis.Redis.from_url(url)

    def write(account_id: int, numbers: range) -> None:
        for number in numbers:
            event = {"type": "ws_event", "event": "reconciliation_tick", "seq": number,
                     "account_id": account_id, "created_at": datetime.now(UTC).isoformat(),
                     "payload": {"number": number}}  # fmt: skip
            client.publish(CHANNEL, json.dumps(event))

    return write


if __name__ == "__main__":
    main()
