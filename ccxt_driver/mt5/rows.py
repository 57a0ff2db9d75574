"""How does a row of the OMS look as a tuple of the package?

Tickets are the OMS's ids of orders and deals; a position's ticket and identifier are those of the
orders that opened or turned it round, as in the package.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from ccxt_driver.mt5 import constants as c
from ccxt_driver.mt5 import markets
from ccxt_driver.mt5.strategies import magic_of
from ccxt_driver.mt5.terminal import TERMINAL
from ccxt_driver.mt5.tuples import TradeDeal, TradeOrder, TradePosition

Row = Mapping[str, Any]
OURS = "mt5-"  # Begins the client order ids of this façade.
LEGS = ("stop_loss", "take_profit")
_IDENTIFIERS = "opening orders of positions"
_GIVEN_HERE = "orders given by this façade"

STATES: Mapping[str, int] = {
    "PENDING_SUBMIT": c.ORDER_STATE_STARTED,
    "SENDING": c.ORDER_STATE_STARTED,
    "SUBMITTED": c.ORDER_STATE_PLACED,
    "PARTIALLY_FILLED": c.ORDER_STATE_PARTIAL,
    "FILLED": c.ORDER_STATE_FILLED,
    "CANCELED": c.ORDER_STATE_CANCELED,
    "REJECTED": c.ORDER_STATE_REJECTED,
    "EXPIRED": c.ORDER_STATE_EXPIRED,
    "UNKNOWN": c.ORDER_STATE_REQUEST_ADD,
}
ENTRIES: Mapping[str | None, int] = {
    "in": c.DEAL_ENTRY_IN,
    "out": c.DEAL_ENTRY_OUT,
    "inout": c.DEAL_ENTRY_INOUT,
    "out_by": c.DEAL_ENTRY_OUT_BY,
}
# ROLLOVER is what comes nearest to a payment of funding.
REASONS: Mapping[str, int] = {
    "api": c.DEAL_REASON_EXPERT,
    "robot": c.DEAL_REASON_EXPERT,
    "trader": c.DEAL_REASON_CLIENT,
    "portfolio_manager": c.DEAL_REASON_CLIENT,
    "risk": c.DEAL_REASON_CLIENT,
    "external": c.DEAL_REASON_WEB,
    "sl": c.DEAL_REASON_SL,
    "tp": c.DEAL_REASON_TP,
    "liquidation": c.DEAL_REASON_SO,
    "adl": c.DEAL_REASON_SO,
    "funding": c.DEAL_REASON_ROLLOVER,
}
FILLINGS: Mapping[str | None, int] = {
    "FOK": c.ORDER_FILLING_FOK,
    "IOC": c.ORDER_FILLING_IOC,
    "PO": c.ORDER_FILLING_BOC,
}
_BY_HAND = ("trader", "portfolio_manager")
_TYPES: Mapping[str, tuple[int, int]] = {
    "market": (c.ORDER_TYPE_BUY, c.ORDER_TYPE_SELL),
    "limit": (c.ORDER_TYPE_BUY_LIMIT, c.ORDER_TYPE_SELL_LIMIT),
    "stop": (c.ORDER_TYPE_BUY_STOP, c.ORDER_TYPE_SELL_STOP),
    "stop_limit": (c.ORDER_TYPE_BUY_STOP_LIMIT, c.ORDER_TYPE_SELL_STOP_LIMIT),
    "trailing_stop": (c.ORDER_TYPE_BUY_STOP, c.ORDER_TYPE_SELL_STOP),
    "take_profit": (c.ORDER_TYPE_BUY_LIMIT, c.ORDER_TYPE_SELL_LIMIT),
    "take_profit_limit": (c.ORDER_TYPE_BUY_LIMIT, c.ORDER_TYPE_SELL_LIMIT),
}


def position(row: Row, *, swap: float = 0.0) -> TradePosition:
    """An open position; ``swap`` is the funding that it has paid or got so far."""
    opened, changed = milliseconds(row["opened_at"]), milliseconds(row["updated_at"])
    is_ours = given_here([row["opening_order_id"]])
    return TradePosition(
        ticket=row["ticket"],
        time=opened // 1000,
        time_msc=opened,
        time_update=changed // 1000,
        time_update_msc=changed,
        type=c.POSITION_TYPE_BUY if row["side"] == "buy" else c.POSITION_TYPE_SELL,
        magic=magic_of(row["strategy_id"]),
        identifier=row["opening_order_id"],
        reason=_reason(row, row["opening_order_id"], is_ours),
        volume=number(row["qty"]),
        price_open=number(row["avg_price"]),
        sl=number(row["stop_loss"]),
        tp=number(row["stop_gain"]),
        price_current=number(row["mark_price"] or row["avg_price"]),
        swap=swap,
        profit=number(row["floating_profit"]),
        symbol=markets.name_of(row["symbol"]),
        comment=row["comment"] or "",
        external_id="",
    )


def orders(rows: Iterable[Row], prices: Mapping[str, float]) -> tuple[TradeOrder, ...]:
    """Orders, oldest first; ``prices`` are the last ones by ccxt's symbol, for those that wait."""
    rows = sorted(rows, key=lambda row: row["id"])
    ids = identifiers(row["position_id"] for row in rows)
    return tuple(_order(row, ids, prices) for row in rows)


def deals(rows: Iterable[Row]) -> tuple[TradeDeal, ...]:
    """Deals, oldest first."""
    rows = sorted(rows, key=lambda row: (row["executed_at"], row["id"]))
    ids = identifiers(row["position_id"] for row in rows)
    by_hand = {row["order_id"] for row in rows if row["reason"] in _BY_HAND and row["order_id"]}
    is_ours = given_here(by_hand)
    return tuple(_deal(row, ids, is_ours) for row in rows)


def identifiers(position_ids: Iterable[int | None]) -> Mapping[int | None, int]:
    """The opening order of each position, by the OMS's position id; 0 for none."""
    kept = TERMINAL.memory.setdefault(_IDENTIFIERS, {None: 0})
    missing = sorted({one for one in position_ids if one is not None} - kept.keys())
    for row in TERMINAL.by_ids("positions", missing):
        kept[row["id"]] = row["opening_order_id"]
    for each in missing:
        kept.setdefault(each, 0)
    return kept


def remember(position_rows: Iterable[Row]) -> None:
    """Their opening orders need not be asked for."""
    kept = TERMINAL.memory.setdefault(_IDENTIFIERS, {None: 0})
    kept.update({row["id"]: row["opening_order_id"] for row in position_rows})


def given_here(order_ids: Iterable[int]) -> Mapping[int, bool]:
    """Which of these orders a script gave, by their client order ids."""
    kept = TERMINAL.memory.setdefault(_GIVEN_HERE, {})
    missing = sorted({*order_ids} - kept.keys())
    for row in TERMINAL.by_ids("orders", missing):
        kept[row["id"]] = _is_ours(row)
    for each in missing:
        kept.setdefault(each, False)
    return kept


def milliseconds(written: str | None) -> int:
    """Milliseconds since 1970; 0 for none."""
    if written is None:
        return 0
    moment = datetime.fromisoformat(written.replace("Z", "+00:00"))
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000


def number(value: str | None) -> float:
    """A decimal as the package has it; 0.0 for none."""
    return 0.0 if value is None else float(value)


def _order(row: Row, ids: Mapping[int | None, int], prices: Mapping[str, float]) -> TradeOrder:
    setup, done = milliseconds(row["created_at"]), milliseconds(row["closed_at"])
    kind, trigger = row["order_type"], row["trigger_price"]
    is_two = trigger is not None and row["price"] is not None
    asked = trigger or row["price"] or row["avg_fill_price"]
    left = Decimal(row["qty"]) - Decimal(row["filled_qty"])
    return TradeOrder(
        ticket=row["id"],
        time_setup=setup // 1000,
        time_setup_msc=setup,
        time_done=done // 1000,
        time_done_msc=done,
        time_expiration=milliseconds(row["expires_at"]) // 1000,
        type=_TYPES[kind][row["side"] == "sell"],
        type_time=c.ORDER_TIME_SPECIFIED if row["expires_at"] else c.ORDER_TIME_GTC,
        type_filling=_filling(row),
        state=STATES[row["status"]],
        magic=magic_of(row["strategy_id"]),
        position_id=ids[row["position_id"]],
        position_by_id=0,
        reason=c.ORDER_REASON_EXPERT if _is_ours(row) and row["reason"] in _BY_HAND
        else REASONS.get(row["reason"], c.ORDER_REASON_CLIENT),
        volume_initial=number(row["qty"]),
        volume_current=float(left),
        price_open=number(asked),
        sl=number(row["stop_loss"]),
        tp=number(row["stop_gain"]),
        price_current=prices.get(row["symbol"], 0.0) if not done else number(row["avg_fill_price"]),
        price_stoplimit=number(row["price"]) if is_two else 0.0,
        symbol=markets.name_of(row["symbol"]),
        comment=row["comment"] or "",
        external_id=row["exchange_order_id"] or "",
    )  # fmt: skip


def _deal(row: Row, ids: Mapping[int | None, int], is_ours: Mapping[int, bool]) -> TradeDeal:
    when = milliseconds(row["executed_at"])
    is_funding = row["kind"] == "funding"
    profit = number(row["profit"])
    worth, unknown = _fees(row)
    side = c.DEAL_TYPE_BUY if row["side"] == "buy" else c.DEAL_TYPE_SELL
    return TradeDeal(
        ticket=row["id"],
        order=row["order_id"] or 0,
        time=when // 1000,
        time_msc=when,
        type=c.DEAL_TYPE_INTEREST if is_funding else side,
        entry=ENTRIES.get(row["entry"], c.DEAL_ENTRY_IN),
        magic=magic_of(row["strategy_id"]),
        position_id=ids[row["position_id"]],
        reason=_reason(row, row["order_id"], is_ours),
        volume=0.0 if is_funding else number(row["qty"]),
        price=number(row["price"]),
        commission=-worth if worth else 0.0,
        swap=profit if is_funding else 0.0,
        profit=0.0 if is_funding else profit,
        fee=0.0,
        symbol=markets.name_of(row["symbol"]),
        comment=f"{row['comment'] or ''} {unknown}".strip(),
        external_id=row["exchange_trade_id"] or "",
    )


def _fees(row: Row) -> tuple[float, str]:
    """What was paid in the quote currency, and in words what has no known rate."""
    fees = [(row["fee"], row["fee_currency"], row["fee_quote"])]
    fees += [(one["fee"], one["currency"], one["fee_quote"]) for one in row["other_fees"]]
    known = sum(Decimal(worth) for _, _, worth in fees if worth is not None)
    unknown = [
        f"[fee {fee} {currency}]" for fee, currency, worth in fees
        if worth is None and fee is not None and Decimal(fee)
    ]  # fmt: skip
    return float(known), " ".join(unknown)


def _reason(row: Row, order_id: int | None, is_ours: Mapping[int, bool]) -> int:
    if row["reason"] in _BY_HAND and is_ours.get(order_id or 0):
        return c.DEAL_REASON_EXPERT
    return REASONS.get(row["reason"], c.DEAL_REASON_CLIENT)


def _is_ours(row: Row) -> bool:
    return (row["client_order_id"] or "").startswith(OURS)


def _filling(row: Row) -> int:
    if row["order_type"] == "market":
        return c.ORDER_FILLING_IOC
    return FILLINGS.get(row["time_in_force"], c.ORDER_FILLING_RETURN)
