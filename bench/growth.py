"""The process that measures one database for ``bench.pages``; prints JSON.

``{read: [[ms at the small size, ms at the large size], …]}``, a pair per round. The database is the
settings', and empty.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

ACCOUNTS = 10
SMALL, LARGE = 10_000, 1_000_000
ROUNDS = 21
PAGE = 101
STEP = 10_000_000
"""By how much the booking numbers of each repetition are higher."""


def main() -> int:
    """Write, measure, repeat the past, measure again."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "oms_project.settings"
    import django  # Settings are read here.

    django.setup()
    account_ids = _write()
    small = _measure(account_ids)
    _repeat()
    large = _measure(account_ids)
    print(json.dumps({read: list(zip(small[read], large[read], strict=True)) for read in small}))
    return 0


def _write() -> list[int]:
    from django.core.management import call_command

    from bench.ledger.happened import Ids
    from bench.ledger.kinds import KINDS
    from bench.ledger.writing import write_account

    call_command("migrate", verbosity=0)
    from accounts.models import Account

    ids = Ids()
    for number in range(ACCOUNTS):
        kind = KINDS[number % len(KINDS)]
        write_account(f"account {number}", kind, deals=SMALL // ACCOUNTS, seed=number, ids=ids)
    return list(Account.objects.order_by("id").values_list("pk", flat=True))


def _repeat() -> None:
    """Store what ended again and again, under other numbers, until there is the large size."""
    from positions.models import Deal, Order, Position
    from positions.querysets import LIVE_POSITION_STATES

    ended = "state NOT IN (" + ", ".join(f"'{state}'" for state in LIVE_POSITION_STATES) + ")"
    for model, numbered, emptied, condition in (
        (Deal, "booking_no", (), "1 = 1"),
        (Order, None, ("exchange_client_order_id",), "NOT is_open"),
        (Position, "opening_booking_no", (), ended),
    ):
        _repeat_rows(model, numbered, emptied, condition)


def _repeat_rows(model: Any, numbered: str | None, emptied: tuple[str, ...], ended: str) -> None:
    from django.db import connection, transaction

    table = model._meta.db_table
    columns = [field.column for field in model._meta.concrete_fields if not field.primary_key]
    quoted = connection.ops.quote_name  # ``trailing`` is a word of MariaDB's own.
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*), MAX(id) FROM {table} WHERE {ended}")
        count, last = cursor.fetchone()
        for time_no in range(1, LARGE // count):
            told = [
                "NULL"
                if name in emptied
                else quoted(name) + (f" + {time_no * STEP}" if name == numbered else "")
                for name in columns
            ]
            with transaction.atomic():
                cursor.execute(
                    f"INSERT INTO {table} ({', '.join(map(quoted, columns))}) "
                    f"SELECT {', '.join(told)} FROM {table} WHERE {ended} AND id <= {last}"
                )


def _measure(account_ids: list[int]) -> dict[str, list[float]]:
    return {name: _timed(read) for name, read in _reads(account_ids).items()}


def _timed(read: Callable[[], Any]) -> list[float]:
    """Milliseconds of CPU and waiting of each round, after one that does not count."""
    read()
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        read()
        times.append((time.perf_counter() - began) * 1000)
    return times


def _reads(account_ids: list[int]) -> dict[str, Callable[[], Any]]:
    from django.utils import timezone

    from gateway.worker import runner
    from positions.models import Deal, Order, Position
    from positions.pages import newest

    lists = {
        "deals": (Deal.objects.live(), False),
        "orders": (Order.objects.history(), False),
        "positions": (Position.objects.history(), False),
        "open orders": (Order.objects.open(), False),
        "open positions": (Position.objects.open(), True),
    }

    def read(rows: Any, few: bool, **only: str) -> Callable[[], Any]:
        by_account = [rows.filter(account_id=each, **only) for each in account_ids]
        by_account = [
            each.found_then_sorted() if few else each.newest_first() for each in by_account
        ]
        return lambda: newest(by_account, PAGE)

    found = {f"{name} of ten accounts": read(*how) for name, how in lists.items()}
    found |= {
        f"{name} of one symbol": read(*lists[name], symbol="BTC/USDT")
        for name in ("deals", "orders", "positions")
    }
    return found | {"the sweep": lambda: runner.left_behind(account_ids, timezone.now())}


if __name__ == "__main__":
    sys.exit(main())
