"""Orders and positions as they are, orders and deals as they were."""

import time
from typing import Any

from ccxt_driver.mt5 import arguments, markets, rows
from ccxt_driver.mt5 import constants as c
from ccxt_driver.mt5.arguments import Group, milliseconds, whole
from ccxt_driver.mt5.failures import Failure
from ccxt_driver.mt5.quotes import last_prices
from ccxt_driver.mt5.rows import Row
from ccxt_driver.mt5.terminal import TERMINAL, answers
from ccxt_driver.mt5.tuples import TradeDeal, TradeOrder, TradePosition

MISSING: Any = object()
FUNDING_KEPT_S = 60
LARGEST = 2**63 - 1
_FUNDING = "funding of positions"


@answers()
def orders_total() -> int:
    """The number of orders that live."""
    return len(_live_orders(None))


@answers()
def orders_get(
    *, symbol: Any = MISSING, group: Any = MISSING, ticket: Any = MISSING
) -> tuple[TradeOrder, ...]:
    """Orders that live, oldest first; ``ticket`` goes before ``group`` and ``symbol``."""
    if ticket is not MISSING:
        number = _id(ticket, "ticket")
        found = [row for row in TERMINAL.by_ids("orders", [number]) if _is_live(row)]
    else:
        found = _chosen(_live_orders(_market_symbol(symbol)), symbol, group)
    return rows.orders(found, last_prices({row["symbol"] for row in found}))


@answers()
def positions_total() -> int:
    """The number of open positions."""
    return len(open_positions())


@answers()
def positions_get(
    *, symbol: Any = MISSING, group: Any = MISSING, ticket: Any = MISSING
) -> tuple[TradePosition, ...]:
    """Open positions, oldest first; ``ticket`` goes before ``group`` and ``symbol``."""
    if ticket is not MISSING:
        number = _id(ticket, "ticket")
        found = [row for row in open_positions() if row["ticket"] == number]
    else:
        found = _chosen(open_positions(_market_symbol(symbol)), symbol, group)
    rows.given_here(row["opening_order_id"] for row in found)
    return tuple(rows.position(row, swap=_funding(row)) for row in found)


@answers()
def history_orders_total(date_from: Any, date_to: Any) -> int:
    """The number of orders that ended between the two moments."""
    return len(_ended_between(date_from, date_to))


@answers()
def history_orders_get(
    date_from: Any = MISSING, date_to: Any = MISSING, *,
    group: Any = MISSING, ticket: Any = MISSING, position: Any = MISSING,
) -> tuple[TradeOrder, ...]:  # fmt: skip
    """Orders that ended: between two moments, one by its ticket, or those of a position."""
    if ticket is not MISSING:
        found = TERMINAL.by_ids("orders", [_id(ticket, "ticket")])
    elif position is not MISSING:
        found = _of_positions("orders", _id(position, "position"))
    else:
        found = _chosen(_ended_between(date_from, date_to), MISSING, group)
    return rows.orders([row for row in found if _has_ended(row)], {})


@answers()
def history_deals_total(date_from: Any, date_to: Any) -> int:
    """The number of deals between the two moments."""
    return len(_deals_between(date_from, date_to))


@answers()
def history_deals_get(
    date_from: Any = MISSING, date_to: Any = MISSING, *,
    group: Any = MISSING, ticket: Any = MISSING, position: Any = MISSING,
) -> tuple[TradeDeal, ...]:  # fmt: skip
    """Deals between two moments, of an order (``ticket`` is the order's), or of a position."""
    if ticket is not MISSING:
        found = TERMINAL.rows("deals", order_id=_id(ticket, "ticket"))
    elif position is not MISSING:
        found = _of_positions("deals", _id(position, "position"))
    else:
        found = _chosen(_deals_between(date_from, date_to), MISSING, group)
    return rows.deals(found)


def open_positions(symbol: str | None = None) -> list[Row]:
    """The OMS's rows of open positions, oldest first; ``symbol`` is ccxt's."""
    found = sorted(TERMINAL.rows("positions/open", symbol=symbol), key=lambda row: row["id"])
    rows.remember(found)
    return found


def _id(value: Any, field: str) -> int:
    """A ticket; what can be nobody's becomes one that nobody has."""
    number = whole(value, field)
    return number if 0 < number < LARGEST else LARGEST


def _live_orders(symbol: str | None) -> list[Row]:
    return [row for row in TERMINAL.rows("orders/open", symbol=symbol) if _is_live(row)]


def _is_live(row: Row) -> bool:
    """Protection of a position is not an order in the package."""
    return row["closed_at"] is None and row["group_role"] not in rows.LEGS


def _has_ended(row: Row) -> bool:
    """A stop that only moved between the OMS and the exchange was no order of anybody."""
    is_leg = row["group_role"] in rows.LEGS
    return row["closed_at"] is not None and not (is_leg and float(row["filled_qty"]) == 0)


def _ended_between(date_from: Any, date_to: Any) -> list[Row]:
    """An order may have been given long before it ended, so all older ones are looked through."""
    begin, end = _span(date_from, date_to)
    found = TERMINAL.rows("orders/history", until=end)
    return [
        row for row in found
        if _has_ended(row) and begin <= rows.milliseconds(row["closed_at"]) <= end
    ]  # fmt: skip


def _deals_between(date_from: Any, date_to: Any) -> list[Row]:
    begin, end = _span(date_from, date_to)
    found = TERMINAL.rows("deals", since=begin, until=end)
    return [row for row in found if begin <= rows.milliseconds(row["executed_at"]) <= end]


def _span(date_from: Any, date_to: Any) -> tuple[int, int]:
    if date_from is MISSING or date_to is MISSING:
        raise Failure(c.RES_E_INVALID_PARAMS, "Invalid arguments")
    begin, end = milliseconds(date_from, "date_from"), milliseconds(date_to, "date_to")
    # Whole seconds are whole: what happened within the last one belongs to it.
    return max(begin, 0), end + 999 if end % 1000 == 0 else end


def _of_positions(path: str, identifier: int) -> list[Row]:
    """Rows of the position that this order opened, whether it is open still."""
    found: list[Row] = []
    for state in ("positions/open", "positions/history"):
        for position in TERMINAL.rows(state, order_id=identifier):
            rows.remember([position])
            found += TERMINAL.rows(path, position_id=position["id"])
    return found


def _market_symbol(name: Any) -> str | None:
    """ccxt's symbol of a filter; an unknown name is kept, since nothing has it."""
    if name is MISSING:
        return None
    name = arguments.words(name, "symbol")
    return markets.market_of(name)["symbol"] if markets.is_known(name) else None


def _chosen(found: list[Row], symbol: Any, group: Any) -> list[Row]:
    if group is not MISSING:
        chosen = Group(group)
        return [row for row in found if chosen.has(*markets.names_of(row["symbol"]))]
    if symbol is not MISSING and not markets.is_known(symbol):
        return []
    return found


def _funding(row: Row) -> float:
    """What a position paid or got as funding so far, at most ``FUNDING_KEPT_S`` old."""
    market = markets.known(row["symbol"])
    if market is None or not market.get("swap"):
        return 0.0
    kept = TERMINAL.memory.setdefault(_FUNDING, {})
    at, amount = kept.get(row["id"], (None, 0.0))
    if at is None or time.monotonic() - at > FUNDING_KEPT_S:
        paid = TERMINAL.rows("deals", position_id=row["id"], reason="funding")
        amount = sum((rows.number(deal["profit"]) for deal in paid), 0.0)
        kept[row["id"]] = (time.monotonic(), amount)
    return amount
