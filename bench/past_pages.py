"""A long history for reading: deals, orders and positions by many accounts, strategies and days.

``SMALL`` rows of each are written one by one, then repeated in place, the days going on, up to the
size asked for. What is rare (a strategy that stopped, a symbol traded once, an order and a position
with many deals, a quiet account) and what is open stays as it is, so that both sizes answer with
pages of the same length; one position goes on for ever and has the same share of all deals.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from django.core.management import call_command
from django.db import connection, models, transaction

from accounts.services import IssuedKey
from accounts.tests import builders
from bench.ledger.rows import Table
from positions.engine.types import (
    Entry,
    OrderStatus,
    OrderType,
    PositionState,
    Reason,
    Side,
)
from positions.models import Deal, Order, Position

SMALL = 10_000
ACCOUNTS, STRATEGIES = 3, 5
SYMBOLS = [f"{coin}/USDT:USDT" for coin in ("BTC", "ETH", "SOL", "XRP", "BNB", "ADA", "DOT", "LTC")]
OLD_SYMBOL = "LUNA/USDT:USDT"
FIRST_DAY = datetime(2021, 1, 1, tzinfo=UTC)
DAYS = 5
"""Over which the small size spreads: 2,000 deals a day, at any size."""
RARE = 150
"""Rows of each rare thing: more than a page."""
OPEN = 50
"""Open orders, and open positions, of each account."""
STEP = 10_000_000
"""By how much the booking numbers of each repetition are higher."""
_REASONS = (Reason.ROBOT, Reason.ROBOT, Reason.TRADER, Reason.API)


@dataclass(frozen=True, slots=True)
class PastPages:
    """What a client may ask about, and the keys it asks with; accounts as the API takes them."""

    reader: IssuedKey
    robot: IssuedKey
    all: str
    busy: str
    quiet: str
    strategy: int
    stopped: int
    symbol: str = SYMBOLS[1]
    old_symbol: str = OLD_SYMBOL
    day: str = str((FIRST_DAY + timedelta(days=2)).date())
    last_day: str = str((FIRST_DAY + timedelta(days=4)).date())
    order: int = 1
    position: int = 2
    endless: int = 1


@dataclass(frozen=True, slots=True)
class _Row:
    """One order, its deal and its position."""

    id: int
    account_id: int
    strategy_id: int
    symbol: str
    at: datetime
    order_id: int
    position_id: int
    is_open: bool = False


def write(size: int) -> PastPages:
    """Fill the empty database; every answer of it has the same length at any size."""
    call_command("migrate", verbosity=0)
    user = builders.user()
    accounts = [builders.account(f"account {number}") for number in range(ACCOUNTS + 1)]
    *strategies, stopped = [
        builders.strategy(f"strategy {number}", *accounts) for number in range(STRATEGIES + 1)
    ]
    account_ids = [account.pk for account in accounts]
    # The deals of the rare order and position would each want theirs first.
    with connection.constraint_checks_disabled(), transaction.atomic():
        made = _made(account_ids, [each.pk for each in strategies], stopped.pk)
        rare = _store(islice(made, SMALL))
    for model in (Deal, Order, Position):
        _repeat(model, beyond=rare, size=size)
    _learn()
    return PastPages(
        reader=builders.key(user, *accounts),
        robot=builders.key(builders.user("robot", "robot"), accounts[0], strategies=[stopped]),
        all=",".join(map(str, account_ids)),
        busy=str(account_ids[0]),
        quiet=str(account_ids[-1]),
        strategy=strategies[1].pk,
        stopped=stopped.pk,
    )


def _made(account_ids: list[int], strategies: list[int], stopped: int) -> Iterator[_Row]:
    """First what is rare or open, then what goes on; positions 1 and 2 have many deals."""
    *busy, quiet = account_ids
    numbers = iter(range(1, SMALL + 1))
    usual = {"account_id": busy[0], "strategy_id": strategies[0], "symbol": SYMBOLS[0]}
    for kind in ("order", "position", "strategy", "symbol", "account"):
        for number in islice(numbers, RARE):
            facts = usual | {"id": number, "order_id": number, "position_id": number, "at": _at(0)}
            if kind == "order":
                facts["order_id"] = 1
            elif kind == "position":
                facts["position_id"] = 2
            elif kind == "strategy":
                facts["strategy_id"] = stopped
            elif kind == "symbol":
                facts["symbol"] = OLD_SYMBOL
            else:
                facts["account_id"] = quiet
            yield _Row(**facts)
    for number in islice(numbers, OPEN * ACCOUNTS):
        account_id = busy[number % ACCOUNTS]
        symbol = SYMBOLS[number % len(SYMBOLS)]
        yield _Row(number, account_id, strategies[0], symbol, _at(0), number, number, is_open=True)
    for number in numbers:
        place = number // ACCOUNTS
        account_id, symbol = busy[number % ACCOUNTS], SYMBOLS[place // STRATEGIES % len(SYMBOLS)]
        endless = account_id == busy[-1] and symbol == SYMBOLS[0]
        yield _Row(
            number,
            account_id,
            strategies[place % STRATEGIES],
            symbol,
            _at(number / SMALL * DAYS),
            number,
            1 if endless else number,
        )


def _at(days: float) -> datetime:
    return FIRST_DAY + timedelta(days=days)


def _store(rows: Iterable[_Row]) -> int:
    """Write them; returns the id after which everything goes on."""
    deals, orders, positions = Table(Deal), Table(Order), Table(Position)
    rare = 0
    for row in rows:
        deals.add(_deal(row))
        orders.add(_order(row))
        positions.add(_position(row))
        rare = row.id if row.is_open else rare
    for table in (deals, orders, positions):
        table.flush()
    return rare


def _own(row: _Row) -> dict[str, Any]:
    return {
        "account_id": row.account_id,
        "symbol": row.symbol,
        "side": Side.SELL if row.id % 2 else Side.BUY,
        "strategy_id": row.strategy_id,
        "reason": _REASONS[row.id % len(_REASONS)],
    }


def _superseded(row: _Row) -> int | None:
    """Every twentieth was replaced by a reassign."""
    return row.id + 1 if row.id % 20 == 7 else None


def _deal(row: _Row) -> dict[str, Any]:
    return _own(row) | {
        "booking_no": row.id,
        "order_id": row.order_id,
        "position_id": row.position_id,
        "qty": "1",
        "price": "100.5",
        "entry": Entry.IN,
        "profit_currency": "USDT",
        "fee": "0.05",
        "fee_currency": "USDT",
        "fee_rate": "1",
        "fee_quote": "0.05",
        "position_strategy_id": row.strategy_id,
        "exchange_trade_id": f"t{row.id}",
        "superseded_by": _superseded(row),
        "executed_at": row.at,
        "created_at": row.at,
    }


def _order(row: _Row) -> dict[str, Any]:
    return _own(row) | {
        "id": row.id,
        "order_type": OrderType.LIMIT,
        "status": OrderStatus.SUBMITTED if row.is_open else OrderStatus.FILLED,
        "is_open": row.is_open,
        "position_id": row.position_id,
        "exchange_order_id": f"x{row.id}",
        "qty": "1",
        "price": "100.5",
        "filled_qty": "0" if row.is_open else "1",
        "avg_fill_price": None if row.is_open else "100.5",
        "created_at": row.at,
        "updated_at": row.at,
        "closed_at": None if row.is_open else row.at,
    }


def _position(row: _Row) -> dict[str, Any]:
    return _own(row) | {
        "id": row.id,
        "ticket": row.order_id,
        "opening_order_id": row.order_id,
        "opening_booking_no": row.id,
        "qty": "1" if row.is_open else "0",
        "cost": "100.5" if row.is_open else "0",
        "profit": "0" if row.is_open else "1.5",
        "fees": "0.05",
        "fees_by_currency": {"USDT": "0.05"},
        "state": PositionState.OPEN if row.is_open else PositionState.CLOSED,
        "superseded_by": None if row.is_open else _superseded(row),
        "opened_at": row.at,
        "updated_at": row.at,
        "closed_at": None if row.is_open else row.at,
    }


_COUNTED = {"booking_no", "opening_booking_no", "superseded_by"}
_NUMBERED = {"order_id", "ticket", "opening_order_id"}


def _repeat(model: type[models.Model], *, beyond: int, size: int) -> None:
    """Store what goes on again and again, later and under other numbers."""
    table, wide = model._meta.db_table, SMALL - beyond
    columns = [field for field in model._meta.concrete_fields if not _is_given(field)]
    names = ", ".join(connection.ops.quote_name(field.column) for field in columns)
    for number in range(1, (size - SMALL + wide - 1) // wide + 1):
        told = ", ".join(_repeated(field, number, wide) for field in columns)
        first, last = beyond, min(SMALL, beyond + size - SMALL - (number - 1) * wide)
        with (
            connection.constraint_checks_disabled(),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(
                f"INSERT INTO {table} ({names}) SELECT {told} FROM {table} "
                f"WHERE id > {first} AND id <= {last} ORDER BY id"
            )


def _is_given(field: models.Field) -> bool:
    """Whether the database says what is in the column."""
    return field.primary_key or field.generated


def _repeated(field: models.Field, number: int, wide: int) -> str:
    name = connection.ops.quote_name(field.column)
    if field.column in _COUNTED:
        return f"{name} + {number * STEP}"
    if field.column in _NUMBERED:
        return f"{name} + {number * wide}"
    if field.column == "position_id":
        return f"CASE WHEN {name} = 1 THEN 1 ELSE {name} + {number * wide} END"
    if isinstance(field, models.DateTimeField):
        return _later(name, number * DAYS)
    return name


def _later(name: str, days: int) -> str:
    if connection.vendor == "sqlite":
        return f"strftime('%Y-%m-%d %H:%M:%f', {name}, '+{days} days')"
    return f"{name} + INTERVAL {days} DAY"


def _learn() -> None:
    """What MariaDB does by itself some time after so many rows came."""
    if connection.vendor != "sqlite":
        with connection.cursor() as cursor:
            for model in (Deal, Order, Position):
                cursor.execute(f"ANALYZE TABLE {model._meta.db_table}")
