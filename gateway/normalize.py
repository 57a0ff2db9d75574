"""What did the exchange say, in our words?

ccxt's structures go in, ``positions.reports`` come out. Numbers are text already
(``gateway.wire`` sets ccxt's ``number``), so nothing is lost; a float met anyway is taken by its
shortest decimal form. This is the only file in which a float may appear.

A structure that cannot be trusted (no id, NaN, an unknown side) becomes ``Unreadable`` and is set
apart with its reason, the others go on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from gateway import capabilities
from positions.engine.types import (
    MarketKind,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
    Trailing,
)
from positions.ports import MarketRules
from positions.reports import OrderReport, Reports, TradeReport

ZERO = Decimal(0)
DECIMAL_PLACES, SIGNIFICANT_DIGITS, TICK_SIZE = 2, 3, 4  # ccxt.base.decimal_to_precision
INTEGER_DIGITS, FRACTION_DIGITS = 20, 18  # positions.fields: what a column holds


class Unreadable(ValueError):
    """One structure of the exchange that cannot be booked; says which field is at fault."""


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
    client_order_id: str | None = None,
) -> Reading:
    """Everything that ``orders`` and ``trades`` (ccxt structures) say.

    Fills that came inside an order are read with the order's side and ids where they lack them.
    ``client_order_id`` is the id of the order asked about: some answers leave it out.
    """
    read_orders: list[OrderReport] = []
    read_trades: list[TradeReport] = []
    faults: list[str] = []
    for order in orders:
        try:
            report = order_report(order, exchange_id=exchange_id, client_order_id=client_order_id)
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
    return Reading(Reports(tuple(read_orders), _without_repeats(read_trades)), tuple(faults))


def order_report(
    order: Mapping[str, Any], *, exchange_id: str, client_order_id: str | None = None
) -> OrderReport:
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
        exchange_order_id=_text(order.get("id")),
        client_order_id=_our_id(order, exchange_id) or client_order_id,
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
    )
    return _of_trigger(report, order, exchange_id)


def _of_trigger(report: OrderReport, order: Mapping[str, Any], exchange_id: str) -> OrderReport:
    """``report``, read rightly where it describes a trigger that is kept apart.

    It executes nothing itself: one that is done (``closed``) has placed an order, which tells the
    rest; ccxt's filled quantity of a trigger is made up.
    """
    known, info = capabilities.facts(exchange_id), order.get("info")
    if report.exchange_order_id is None or not isinstance(info, Mapping):
        return report
    if report.exchange_order_id not in {_text(info.get(key)) for key in known.conditional_id_keys}:
        return report
    has_triggered = order.get("status") == "closed"
    placed = next(filter(None, (_text(info.get(key)) for key in known.placed_id_keys)), None)
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
    fee, currency = fee_of(trade)
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
        client_order_id=_our_id(trade, exchange_id),
    )


def fee_of(trade: Mapping[str, Any]) -> tuple[Decimal | None, str | None]:
    """The fee and its currency: the first that is not zero, else a zero that was said, else none.

    Positive is paid, negative is a rebate.
    """
    said = [trade.get("fee"), *(trade.get("fees") or ())]
    known = [
        (cost, fee.get("currency"))
        for fee in said
        if isinstance(fee, Mapping) and (cost := exact(fee.get("cost"), "fee")) is not None
    ]
    nonzero = [entry for entry in known if entry[0] != ZERO]
    return next(iter(nonzero or known), (None, None))


def market_rules(
    market: Mapping[str, Any],
    *,
    precision_mode: int,
    order_types: frozenset[OrderType],
    times_in_force: frozenset[TimeInForce],
    exchange_id: str,
    trailing_by: frozenset[Trailing] = frozenset(),
) -> MarketRules | None:
    """One ccxt market; ``None`` for kinds that we do not trade (options, indices)."""
    kind = _market_kind(market)
    if kind is None:
        return None
    limits, precision = market.get("limits") or {}, market.get("precision") or {}
    amount, price, cost = (limits.get(name) or {} for name in ("amount", "price", "cost"))
    at_market = limits.get("market") or {}
    significant = precision_mode == SIGNIFICANT_DIGITS
    price_digits = precision.get("price") if significant else None
    amount_mode = DECIMAL_PLACES if significant else precision_mode
    return MarketRules(
        symbol=market["symbol"],
        kind=kind,
        base=market.get("base") or "",
        quote=market.get("quote") or "",
        settle=market.get("settle"),
        active=market.get("active") is not False,
        contract_size=positive(market.get("contractSize"), "contractSize") or Decimal(1),
        # ccxt: where prices have significant digits, amounts still have decimal places.
        amount_step=_step(precision.get("amount"), amount_mode),
        price_step=None if significant else _step(precision.get("price"), precision_mode),
        price_digits=int(price_digits) if price_digits is not None else None,
        min_amount=positive(amount.get("min"), "limits"),
        max_amount=positive(amount.get("max"), "limits"),
        min_market_amount=positive(at_market.get("min"), "limits"),
        max_market_amount=positive(at_market.get("max"), "limits"),
        min_price=positive(price.get("min"), "limits"),
        max_price=positive(price.get("max"), "limits"),
        min_cost=positive(cost.get("min"), "limits"),
        max_cost=positive(cost.get("max"), "limits"),
        order_types=order_types,
        times_in_force=times_in_force,
        trailing_by=trailing_by,
        edits_in_place=capabilities.edits_in_place(exchange_id, kind),
    )


def exact(value: Any, name: str = "value") -> Decimal | None:
    """A number of the exchange as a Decimal; ``None`` and empty text stay unset.

    Raises:
        Unreadable: not a finite number, or one with more digits than our columns hold.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        raise Unreadable(f"{name} is not a number")
    try:
        # repr is the shortest decimal that gives the same float: what the exchange wrote.
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, TypeError, ValueError):
        raise Unreadable(f"{name} is not a number") from None
    if not number.is_finite() or number.adjusted() >= INTEGER_DIGITS:
        raise Unreadable(f"{name} is not a number that can be kept")
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -FRACTION_DIGITS:
        trimmed = number.normalize()
        if trimmed.as_tuple().exponent < -FRACTION_DIGITS:  # type: ignore[operator]
            raise Unreadable(f"{name} has more than {FRACTION_DIGITS} fraction digits")
    return number


def positive(value: Any, name: str = "value") -> Decimal | None:
    """Like ``exact``; zero means that nothing was said.

    Raises:
        Unreadable: negative, or not a number.
    """
    number = exact(value, name)
    if number is not None and number < ZERO:
        raise Unreadable(f"{name} is negative")
    return number or None


def json_number(value: Decimal) -> float:
    """For exchanges that take JSON numbers: exact to 15 digits, which is what JSON readers keep."""
    return float(value)


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


def _market_kind(market: Mapping[str, Any]) -> MarketKind | None:
    if market.get("option") or not market.get("symbol"):
        return None
    if market.get("contract"):
        if market.get("linear"):
            return MarketKind.LINEAR
        return MarketKind.INVERSE if market.get("inverse") else None
    return MarketKind.SPOT if market.get("spot") else None


def _step(value: Any, precision_mode: int) -> Decimal | None:
    """The smallest increment: given as such (tick size) or as a number of decimal places."""
    if value is None:
        return None
    if precision_mode == TICK_SIZE:
        return positive(value, "precision")
    return Decimal(1).scaleb(-int(exact(value, "precision") or ZERO))


def _side(word: Any) -> Side | None:
    return Side(word) if word in tuple(Side) else None


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _our_id(structure: Mapping[str, Any], exchange_id: str) -> str | None:
    """The client order id, as we gave it (gate: without ccxt's ``t-`` in front)."""
    known = capabilities.facts(exchange_id)
    info = structure.get("info")
    original = info.get(known.original_id_key) if isinstance(info, Mapping) else None
    text = _text(original) or _text(structure.get("clientOrderId"))
    prefix = known.client_id_prefix
    return text.removeprefix(prefix) if text and prefix else text


def _moment(milliseconds: Any) -> datetime | None:
    """ccxt's milliseconds as aware UTC, exactly."""
    try:
        whole, rest = divmod(int(milliseconds), 1000)
        return datetime.fromtimestamp(whole, UTC).replace(microsecond=rest * 1000)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
