"""A process that answers list requests over a history of a given length, for ``bench.pages``.

``python -m bench.growth 10000`` fills the settings' database, which is empty, writes the names of
its requests as one JSON line, and then for every line it reads, a name, the milliseconds that the
answer took. The requests are a client's: with its key, through every middleware, view and row.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

Ask = Callable[[], Any]
LIMIT = 100


def main() -> int:
    """Fill the database, then answer until there is nothing more to read."""
    size = int(sys.argv[1])
    os.environ["DJANGO_SETTINGS_MODULE"] = "oms_project.settings"
    import django  # Settings are read here.

    django.setup()
    from bench.past_pages import write

    asked = _requests(write(size), size)
    print(json.dumps([*asked]), flush=True)
    for line in sys.stdin:
        began = time.perf_counter()
        asked[line.strip()]()
        print((time.perf_counter() - began) * 1000, flush=True)
    return 0


def _requests(past: Any, size: int) -> dict[str, Ask]:
    from django.utils import timezone

    from gateway.worker import runner
    from positions.tests.api.conftest import Api

    reader, robot = Api(past.reader), Api(past.robot)
    found: dict[str, Ask] = {}
    for path, name in LISTS.items():
        deep = _cursors(size)
        for what, query in _filters(past).items():
            found[f"{name}: {what}"] = _asking(reader, path, query)
        for what, query in _deep(past).items():
            found[f"{name}: {what}"] = _asking(reader, path, query, deep)
        found[f"{name}: a robot's own"] = _asking(robot, path, {"account_ids": past.busy})
    for path, name in OPEN_LISTS.items():
        found[f"{name}: all"] = _asking(reader, path, {"account_ids": past.all})
        found[f"{name}: a symbol"] = _asking(
            reader, path, {"account_ids": past.all, "symbol": past.symbol}
        )
    account_ids = [int(number) for number in past.all.split(",")]
    return found | {"the sweep": lambda: runner.left_behind(account_ids, timezone.now())}


LISTS = {
    "/oms/deals": "deals",
    "/oms/orders": "orders",
    "/oms/orders/history": "ended orders",
    "/oms/positions/history": "closed positions",
}
OPEN_LISTS = {"/oms/orders/open": "open orders", "/oms/positions/open": "open positions"}


def _filters(past: Any) -> dict[str, dict[str, Any]]:
    every, busy = {"account_ids": past.all}, {"account_ids": past.busy}
    return {
        "first": every,
        "first of an account": busy,
        "first of a quiet account": {"account_ids": past.quiet},
        "by number, the 80th": every | {"page": 80, "page_size": LIMIT},
        "a strategy": every | {"strategy_id": past.strategy},
        "a strategy that stopped long ago": every | {"strategy_id": past.stopped},
        "a symbol": every | {"symbol": past.symbol},
        "a symbol traded long ago": every | {"symbol": past.old_symbol},
        "a strategy's symbol": busy | {"strategy_id": past.strategy, "symbol": past.symbol},
        "a day long ago": every | {"start_date": past.day, "end_date": past.day},
        "three days long ago": every | {"start_date": past.day, "end_date": past.last_day},
        "from a day on": every | {"start_date": past.day},
        "up to a day": every | {"end_date": past.day},
        "a symbol's day": every
        | {"symbol": past.symbol, "start_date": past.day, "end_date": past.day},
        "a strategy's day": every
        | {"strategy_id": past.strategy, "start_date": past.day, "end_date": past.day},
        "an order": every | {"order_id": past.order},
        "a position": every | {"position_id": past.position},
        "a position that never closed": every | {"position_id": past.endless},
        "a side": every | {"side": "sell"},
        "a reason that is rare": every | {"reason": "liquidation"},
        "a reason that is rare, by number": every | {"reason": "liquidation", "page": 1},
    }


def _deep(past: Any) -> dict[str, dict[str, Any]]:
    return {
        "deep": {"account_ids": past.all},
        "deep, an account": {"account_ids": past.busy},
        "deep, a strategy": {"account_ids": past.all, "strategy_id": past.strategy},
        "deep, a symbol": {"account_ids": past.all, "symbol": past.symbol},
        "deep, up to a day": {"account_ids": past.all, "end_date": past.day},
    }


def _cursors(size: int) -> Iterator[int]:
    """Never the same place twice: somewhere in the middle tenth."""
    for number in count():
        yield size // 2 + number * 977 % (size // 10)


def _asking(api: Any, path: str, query: dict[str, Any], deep: Iterator[int] | None = None) -> Ask:
    def ask() -> None:
        where = {} if deep is None else {"cursor": next(deep)}
        size = {} if "page" in query else {"limit": LIMIT}
        answer = api.get(path, **size | query | where)
        assert answer.status_code == 200, answer.content

    return ask


if __name__ == "__main__":
    sys.exit(main())
