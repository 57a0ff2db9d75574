"""What did the exchange say, in our words?

ccxt's structures go in, ``positions.reports`` come out.

A structure that cannot be trusted (no id, NaN, an unknown side) becomes ``Unreadable`` and is set
apart with its reason, the others go on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from gateway.exchanges import capabilities
from gateway.exchanges.endings import ended_by
from gateway.exchanges.ids import id_text, our_id, their_id
from gateway.exchanges.numbers import ZERO, Unreadable, exact, positive
from positions.engine.types import OrderStatus, OrderType, Side, TimeInForce
from positions.reports import FundingReport, OrderReport, Reports, TradeReport


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read, and why the rest could not."""

    reports: Reports
    unreadable: tuple[str, ...] = ()


def reports(
    *,
    exchange_id: str,
    observed_at: datetime,
    orders: Iterable[Mapping[str, Any]] = (),
    trades: Iterable[Mapping[str, Any]] = (),
    fundings: Iterable[Mapping[str, Any]] = (),
) -> Reading:
    """Everything that ``orders``, ``trades`` and ``fundings`` (ccxt structures) say.

    Fills that came inside an order are read with the order's side and ids where they lack them.
    """
    read_orders: list[OrderReport] = []
    read_trades: list[TradeReport] = []
    read_fundings: list[FundingReport] = []
    faults: list[str] = []
    for order in orders:
        try:
            report = order_report(order, exchange_id=exchange_id)
        except Unreadable as fault:
            faults.append(f"order {order.get('id')}: {fault}")
            continue
        read_orders.append(report)
        for fill in order.get("trades") or ():
            if _is_whole(fill) and report.conditional_order_id is None:
                _read_trade(
                    _completed(fill, order, report), observed_at, exchange_id, read_trades, faults
                )
    for trade in trades:
        _read_trade(trade, observed_at, exchange_id, read_trades, faults)
    for payment in fundings:
        try:
            read_fundings.append(funding_report(payment))
        except Unreadable as fault:
            faults.append(f"funding {payment.get('id')}: {fault}")
    told = _with_force(_without_repeats(read_trades), read_orders, exchange_id)
    return Reading(Reports(tuple(read_orders), told, tuple(read_fundings)), tuple(faults))


def order_report(order: Mapping[str, Any], *, exchange_id: str) -> OrderReport:
    """One ccxt order.

    Raises:
        Unreadable: it names no symbol, or a number is not one.
    """
    symbol = order.get("symbol")
    if not symbol:
        raise Unreadable("symbol is missing")
    qty = positive(order.get("amount"), "amount")
    filled = exact(order.get("filled"), "filled")
    # For a market order ccxt's price is the average, or a slippage guard.
    price = None if order.get("type") == "market" else positive(order.get("price"), "price")
    report = OrderReport(
        symbol=symbol,
        exchange_order_id=their_id(order),
        client_order_id=our_id(order, exchange_id),
        status=order_status(order.get("status"), qty=qty, filled=filled),
        side=_side(order.get("side")),
        qty=qty,
        price=price,
        filled_qty=filled,
        reported_at=_moment(
            order.get("lastUpdateTimestamp")
            or order.get("lastTradeTimestamp")
            or order.get("timestamp")
        ),
        order_type=_order_type(order),
        trigger_price=positive(order.get("triggerPrice"), "triggerPrice"),
        time_in_force=_time_in_force(order),
        ended_by=ended_by(capabilities.facts(exchange_id).endings, order.get("info")),
        average=_average(order, filled),
        placed_at=_moment(order.get("timestamp")),
    )
    return _of_trigger(report, order, exchange_id)


def _average(order: Mapping[str, Any], filled: Decimal | None) -> Decimal | None:
    """The price of all that is filled; what cannot be read is not told."""
    told = order.get("average")
    try:
        return positive(told, "average") if filled else None
    except Unreadable:
        return None


def _of_trigger(report: OrderReport, order: Mapping[str, Any], exchange_id: str) -> OrderReport:
    """``report``, read rightly where it describes a trigger that is kept apart.

    It executes nothing itself: one that is done (``closed``) has placed an order, which tells the
    rest; ccxt's filled quantity of a trigger is made up.
    """
    known, info = capabilities.facts(exchange_id), order.get("info")
    if report.exchange_order_id is None or not isinstance(info, Mapping):
        return report
    if report.exchange_order_id not in {
        id_text(info.get(key)) for key in known.conditional_id_keys
    }:
        return report
    has_triggered = order.get("status") == "closed"
    placed = next(filter(None, (id_text(info.get(key)) for key in known.placed_id_keys)), None)
    return replace(
        report,
        conditional_order_id=report.exchange_order_id,
        exchange_order_id=placed if has_triggered else None,
        status=OrderStatus.SUBMITTED if has_triggered else report.status,
        filled_qty=None if has_triggered or report.status is None else ZERO,
    )


def order_status(
    word: Any, *, qty: Decimal | None = None, filled: Decimal | None = None
) -> OrderStatus | None:
    """Our state for ccxt's; ``None`` when it says nothing that we know.

    ``closed`` with less filled than ordered is a cancelled order (spot after a partial fill, on
    several exchanges).
    """
    match word:
        case "open":
            return OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.SUBMITTED
        case "closed":
            short = filled is not None and qty is not None and filled < qty
            return OrderStatus.CANCELED if short else OrderStatus.FILLED
        case "canceled":
            whole = filled is not None and qty is not None and filled >= qty
            return OrderStatus.FILLED if whole else OrderStatus.CANCELED
        case "expired":
            return OrderStatus.EXPIRED
        case "rejected":
            return OrderStatus.REJECTED
        case _:
            return None


def trade_report(
    trade: Mapping[str, Any], *, observed_at: datetime, exchange_id: str
) -> TradeReport:
    """One ccxt trade of the account.

    Raises:
        Unreadable: id, order, side, quantity or price is missing or not sensible.
    """
    for name in ("symbol", "id", "order"):
        if not trade.get(name):
            raise Unreadable(f"{name} is missing")
    side = _side(trade.get("side"))
    qty, price = positive(trade.get("amount"), "amount"), exact(trade.get("price"), "price")
    if side is None or qty is None or price is None:
        raise Unreadable("side, amount or price is missing")
    (fee, currency), *others = fees_of(trade) or [(None, None)]
    return TradeReport(
        symbol=trade["symbol"],
        exchange_trade_id=str(trade["id"]),
        exchange_order_id=str(trade["order"]),
        side=side,
        qty=qty,
        price=price,
        executed_at=_moment(trade.get("timestamp")) or observed_at,
        fee=fee,
        fee_currency=currency,
        other_fees=tuple((name, cost) for cost, name in others if name and currency),
        client_order_id=our_id(trade, exchange_id),
    )


def funding_report(payment: Mapping[str, Any]) -> FundingReport:
    """One ccxt funding payment, positive = received.

    Raises:
        Unreadable: id, symbol, currency, time or amount is missing.
    """
    for name in ("symbol", "id", "code"):
        if not payment.get(name):
            raise Unreadable(f"{name} is missing")
    amount, paid_at = exact(payment.get("amount"), "amount"), _moment(payment.get("timestamp"))
    if amount is None or paid_at is None:
        raise Unreadable("amount or time is missing")
    return FundingReport(
        symbol=payment["symbol"],
        exchange_funding_id=str(payment["id"]),
        amount=amount,
        currency=payment["code"],
        paid_at=paid_at,
    )


def fees_of(trade: Mapping[str, Any]) -> list[tuple[Decimal, str | None]]:
    """What a trade was charged, one sum per currency; a zero only where nothing else was said.

    Positive is paid, negative is a rebate. What ccxt tells as ``fee`` is in ``fees`` again, unless
    its currency is not.
    """
    listed = [_fee(fee) for fee in trade.get("fees") or ()]
    totals: dict[str | None, Decimal] = {}
    for cost, currency in filter(None, listed):
        totals[currency] = totals.get(currency, ZERO) + cost
    if (single := _fee(trade.get("fee"))) and single[1] not in totals:
        totals = {single[1]: single[0]} | totals
    nonzero = [(cost, currency) for currency, cost in totals.items() if cost]
    return nonzero or [(cost, currency) for currency, cost in totals.items()][:1]


def _fee(told: object) -> tuple[Decimal, str | None] | None:
    if not isinstance(told, Mapping) or (cost := exact(told.get("cost"), "fee")) is None:
        return None
    return cost, told.get("currency")


def _read_trade(
    trade: Mapping[str, Any],
    observed_at: datetime,
    exchange_id: str,
    into: list[TradeReport],
    faults: list[str],
) -> None:
    try:
        into.append(trade_report(trade, observed_at=observed_at, exchange_id=exchange_id))
    except Unreadable as fault:
        faults.append(f"trade {trade.get('id')}: {fault}")


def _is_whole(fill: Mapping[str, Any]) -> bool:
    """Whether an order's fill can stand for itself.

    kraken names only ids there; without an id a fill cannot be told from the same one that is
    fetched later.
    """
    return all(fill.get(name) is not None for name in ("id", "amount", "price"))


def _completed(
    fill: Mapping[str, Any], order: Mapping[str, Any], report: OrderReport
) -> Mapping[str, Any]:
    """A fill from inside an order, with what the order knows better."""
    when = order.get("lastTradeTimestamp") or order.get("lastUpdateTimestamp")
    return {
        **fill,
        "symbol": fill.get("symbol") or report.symbol,
        "order": fill.get("order") or report.exchange_order_id,
        "side": fill.get("side") or report.side,
        "clientOrderId": fill.get("clientOrderId") or report.client_order_id,
        "timestamp": fill.get("timestamp") or when or order.get("timestamp"),
    }


def _without_repeats(trades: list[TradeReport]) -> tuple[TradeReport, ...]:
    """One report per fill; the later one knows more (a fee, a time)."""
    found: dict[tuple[str, str, str], TradeReport] = {}
    for trade in trades:
        key = (trade.symbol, trade.exchange_trade_id, trade.exchange_order_id)
        earlier = found.get(key)
        if earlier is not None and trade.client_order_id is None:
            trade = replace(trade, client_order_id=earlier.client_order_id)  # noqa: PLW2901 (the same trade, completed)
        found[key] = trade
    return tuple(found.values())


def _with_force(
    trades: Iterable[TradeReport], orders: Iterable[OrderReport], exchange_id: str
) -> tuple[TradeReport, ...]:
    """The trades, marked where their order, or their own id, says that they were forced."""
    ids = {(order.symbol, order.exchange_order_id): order.client_order_id for order in orders}
    marked = []
    for trade in trades:
        known = trade.client_order_id or ids.get((trade.symbol, trade.exchange_order_id))
        why = capabilities.forced_reason(exchange_id, known)
        marked.append(trade if why is None else replace(trade, forced=why))
    return tuple(marked)


_WITH_TRIGGER = {
    ("limit", False): OrderType.STOP_LIMIT,
    ("market", False): OrderType.STOP,
    ("limit", True): OrderType.TAKE_PROFIT_LIMIT,
    ("market", True): OrderType.TAKE_PROFIT,
}


def _order_type(order: Mapping[str, Any]) -> OrderType | None:
    """Market or limit, and which trigger it waits for; ``None`` for words that we do not know."""
    word = order.get("type")
    if order.get("triggerPrice"):
        return _WITH_TRIGGER.get((word, order.get("takeProfitPrice") is not None))
    return OrderType(word) if word in (OrderType.MARKET, OrderType.LIMIT) else None


def _time_in_force(order: Mapping[str, Any]) -> TimeInForce | None:
    if order.get("postOnly"):
        return TimeInForce.PO
    word = order.get("timeInForce")
    return TimeInForce(word) if word in tuple(TimeInForce) else None


def _side(word: Any) -> Side | None:
    return Side(word) if word in tuple(Side) else None


def _moment(milliseconds: Any) -> datetime | None:
    """ccxt's milliseconds as aware UTC, exactly."""
    try:
        whole, rest = divmod(int(milliseconds), 1000)
        return datetime.fromtimestamp(whole, UTC).replace(microsecond=rest * 1000)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
