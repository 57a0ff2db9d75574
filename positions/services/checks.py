"""Would the exchange, the account and our own books take this order?

Every refusal names field, limit and value, and nothing is sent.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings

from accounts.models import Account, Strategy
from accounts.rights.permissions import Caller
from accounts.words import AccountStatus, StrategyStatus
from oms_project.errors import (
    Conflict,
    DuplicateClientOrderId,
    Invalid,
    InvalidStrategyId,
    RiskBlocked,
)
from positions.engine.money import exact, plain
from positions.engine.spot import check_sell
from positions.engine.types import (
    Expiry,
    MarketKind,
    OrderType,
    Side,
    TimeInForce,
    Trailing,
    TriggerBy,
)
from positions.models import Order, Position
from positions.ports import MarketRules, is_worth_too_little
from positions.volumes import held_on_spot

_PRICED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT})
_TRIGGERED = frozenset(
    {
        OrderType.STOP,
        OrderType.STOP_LIMIT,
        OrderType.TAKE_PROFIT,
        OrderType.TAKE_PROFIT_LIMIT,
    }
)


class BelowMinimumValue(Invalid):
    """The exchange would refuse the order for its value."""


def check_account_active(account: Account) -> None:
    """The account may open exposure.

    Raises:
        RiskBlocked: it is blocked.
    """
    if account.status != AccountStatus.ACTIVE:
        raise RiskBlocked(
            "The account is blocked.",
            field="account_id",
            limit=AccountStatus.ACTIVE,
            value=account.status,
        )


def check_strategy(account: Account, strategy_id: int) -> None:
    """The strategy is active and linked to the account; 0 stands for none.

    Raises:
        InvalidStrategyId: it is not.
    """
    if not strategy_id:
        return
    linked = Strategy.objects.filter(pk=strategy_id, accounts=account, status=StrategyStatus.ACTIVE)
    if not linked.exists():
        raise InvalidStrategyId(
            "The strategy does not exist, is not active or is not linked to the account.",
            field="strategy_id",
            limit="an active strategy of the account",
            value=strategy_id,
        )


def check_kind(
    rules: MarketRules,
    *,
    order_type: OrderType,
    time_in_force: TimeInForce | None,
    price: Decimal | None,
    trigger_price: Decimal | None,
) -> None:
    """The market takes such an order, and it has the prices it needs.

    On which side of the last price a trigger lies is for the exchange to judge: ours may be old.

    Raises:
        Invalid: naming the field.
    """
    if not rules.active:
        raise Invalid(
            "The market is not open.", field="symbol", limit="an open market", value=rules.symbol
        )
    if order_type not in rules.order_types:
        raise Invalid(
            "This market does not take orders of this type here.",
            field="order_type",
            limit=sorted(rules.order_types),
            value=order_type,
        )
    kept_here = time_in_force is TimeInForce.GTD  # Where the exchange does not keep it, we do.
    if time_in_force is not None and time_in_force not in rules.times_in_force and not kept_here:
        raise Invalid(
            "This market does not know this time in force.",
            field="time_in_force",
            limit=sorted(rules.times_in_force),
            value=time_in_force,
        )
    possible = _times_in_force(order_type, rules.kind)
    if time_in_force is not None and time_in_force not in possible:
        raise Invalid(
            f"A {order_type} order has no such time in force.",
            field="time_in_force",
            limit=sorted(possible),
            value=time_in_force,
        )
    _check_presence("price", price, needed=order_type in _PRICED, order_type=order_type)
    _check_presence(
        "trigger_price", trigger_price, needed=order_type in _TRIGGERED, order_type=order_type
    )


def check_honest(
    rules: MarketRules, *, order_type: OrderType, side: Side, told_reduce_only: bool
) -> None:
    """The exchange would do what is asked, not something else under the same name.

    Raises:
        Invalid: a trigger that opens where triggers only reduce; a market buy where the quantity
            would be spent as money.
    """
    if order_type.is_conditional and rules.triggers_reduce and not told_reduce_only:
        raise Invalid(
            "A trigger of this market may only reduce a position.",
            field="order_type",
            limit="reduce_only",
            value=order_type,
        )
    if order_type is OrderType.MARKET and side is Side.BUY and rules.buys_money:
        raise Invalid(
            f"A market buy here takes {rules.quote} to spend, not {rules.base} to buy.",
            field="order_type",
            limit="limit",
            value=order_type,
        )


def check_trigger_by(
    rules: MarketRules,
    *,
    order_type: OrderType,
    asked: TriggerBy | None,
    said: TriggerBy | None,
) -> TriggerBy | None:
    """The price that the order's trigger waits for: as asked, as its extras say, else the last.

    Raises:
        Invalid: the order has no trigger, the market does not carry it, or the extras say another.
    """
    if not order_type.is_conditional:
        if asked is not None:
            raise Invalid(f"A {order_type} order takes no trigger_by.", field="trigger_by",
                          limit=None, value=asked)  # fmt: skip
        return None
    if asked is None:
        return said or TriggerBy.LAST
    if asked not in rules.trigger_by:
        raise Invalid("A trigger of this market does not wait for this price.",
                      field="trigger_by", limit=sorted(rules.trigger_by), value=asked)  # fmt: skip
    if said not in (None, asked):
        raise Invalid("The params say another price.", field="trigger_by", limit=said,
                      value=asked)  # fmt: skip
    return asked


def check_trailing(
    rules: MarketRules, *, order_type: OrderType, amount: Decimal | None, percent: Decimal | None
) -> dict[str, str] | None:
    """A trailing stop has one distance, in a form that the exchange takes; others have none.

    Returns the distance as an order keeps it: ``{"percent": "1.5"}`` or ``{"amount": "20"}``.

    Raises:
        Invalid: naming the field.
    """
    given = {
        kind: value
        for kind, value in ((Trailing.AMOUNT, amount), (Trailing.PERCENT, percent))
        if value is not None
    }
    if order_type is not OrderType.TRAILING_STOP:
        for kind, value in given.items():
            _check_presence(f"trailing_{kind}", value, needed=False, order_type=order_type)
        return None
    if len(given) != 1:
        raise Invalid(
            "A trailing_stop order needs one distance.",
            field="trailing_amount, trailing_percent",
            limit="exactly one of them",
            value=len(given),
        )
    ((kind, distance),) = given.items()
    if kind not in rules.trailing_by:
        raise Invalid(
            "This market does not take the distance in this form.",
            field=f"trailing_{kind}",
            limit=[f"trailing_{one}" for one in sorted(rules.trailing_by)],
            value=distance,
        )
    if kind is Trailing.PERCENT:
        least, most = rules.min_trailing_percent, rules.max_trailing_percent
        _check_bounds("trailing_percent", distance, least, most)
    return {str(kind): plain(distance)}


def _times_in_force(order_type: OrderType, kind: MarketKind) -> frozenset[TimeInForce]:
    """What can be said of such an order: one at the market's price executes or is cancelled."""
    if order_type is OrderType.MARKET:
        return frozenset({TimeInForce.IOC})
    if order_type.at_market:
        # It waits until its trigger, until it is cancelled, or until the OMS ends it.
        return frozenset({TimeInForce.GTC, TimeInForce.GTD})
    if order_type.is_conditional and kind is MarketKind.SPOT:
        # On spot, post-only is an order type of its own; ccxt would send that, without the trigger.
        return frozenset(TimeInForce) - {TimeInForce.PO}
    return frozenset(TimeInForce)


def _check_presence(
    field: str, value: Decimal | None, *, needed: bool, order_type: OrderType
) -> None:
    if needed and value is None:
        raise Invalid(
            f"A {order_type} order needs {field}.", field=field, limit="required", value=None
        )
    if not needed and value is not None:
        raise Invalid(
            f"A {order_type} order takes no {field}.", field=field, limit=None, value=value
        )


@exact
def check_amounts(
    rules: MarketRules,
    *,
    qty: Decimal,
    price: Decimal | None,
    order_type: OrderType,
    last_price: Decimal | None,
    trigger_price: Decimal | None = None,
    qty_field: str = "qty",
    price_field: str = "price",
    trigger_field: str = "trigger_price",
    told_reduce_only: bool = False,
) -> None:
    """Quantity, price and notional keep the market's steps and bounds.

    Without a price the trigger, else ``last_price`` where it is known, tells the notional. What the
    exchange is told may only reduce is exempt from its minimum, as at the exchanges.

    Raises:
        Invalid: naming field, limit and value.
    """
    check_step(qty_field, qty, rules.amount_step, "quantity")
    at_market = order_type.at_market
    least = (rules.min_market_amount if at_market else None) or rules.min_amount
    most = (rules.max_market_amount if at_market else None) or rules.max_amount
    _check_bounds(qty_field, qty, least, most)
    for field, value in ((price_field, price), (trigger_field, trigger_price)):
        if value is not None:
            check_price(field, value, rules)
    reference = price or trigger_price or last_price
    if reference and rules.kind is not MarketKind.INVERSE:
        notional = qty * rules.contract_size * reference
        told = told_reduce_only
        if is_worth_too_little(rules, qty, price=reference, told_reduce_only=told):
            raise BelowMinimumValue(
                "The order's value is below the market's minimum.",
                field=qty_field,
                limit=rules.min_cost,
                value=notional,
                unit=rules.quote,
            )
        if not told:
            _check_most(qty_field, notional, rules)


def check_step(field: str, value: Decimal, step: Decimal | None, what: str) -> None:
    """What is given keeps the market's step.

    Raises:
        Invalid: naming field, limit and value.
    """
    if step and value % step:
        raise Invalid(
            f"The {what} is not a multiple of the market's step.",
            field=field,
            limit=step,
            value=value,
        )


@exact
def check_price(field: str, value: Decimal, rules: MarketRules) -> None:
    """A price keeps the market's step, digits and bounds.

    Raises:
        Invalid: naming field, limit and value.
    """
    _check_bounds(field, value, rules.min_price, rules.max_price)
    check_step(field, value, rules.price_step, "price")
    digits = rules.price_digits
    if digits is not None and len(value.normalize().as_tuple().digits) > digits:
        raise Invalid(
            f"The price has more than {digits} significant digits.",
            field=field,
            limit=digits,
            value=value,
        )


def _check_bounds(field: str, value: Decimal, least: Decimal | None, most: Decimal | None) -> None:
    if least is not None and value < least:
        raise Invalid(f"{field} is below the minimum.", field=field, limit=least, value=value)
    if most and value > most:
        raise Invalid(f"{field} is above the maximum.", field=field, limit=most, value=value)


def _check_most(field: str, notional: Decimal, rules: MarketRules) -> None:
    if rules.max_cost and notional > rules.max_cost:
        raise Invalid(
            "The order's value is above the market's maximum.",
            field=field,
            limit=rules.max_cost,
            value=notional,
            unit=rules.quote,
        )


def check_expiry(expires_at: datetime | None, *, now: datetime) -> None:
    """What expires does so later than now.

    Raises:
        Invalid: it would be expired already.
    """
    if expires_at is not None and expires_at <= now:
        raise Invalid(
            "expires_at has passed already.", field="expires_at", limit=now, value=expires_at
        )


def keeper_of_expiry(
    rules: MarketRules,
    *,
    order_type: OrderType,
    time_in_force: TimeInForce | None,
    expires_at: datetime | None,
    now: datetime,
) -> Expiry | None:
    """Who ends the order at ``expires_at``: the exchange for a plain limit order far enough ahead.

    An order may wait for its turn, so what is only just far enough ahead is kept here.
    """
    if expires_at is None:
        return None
    plain_limit = order_type is OrderType.LIMIT and time_in_force is TimeInForce.GTD
    if not plain_limit or rules.keeps_expiry_after_s is None:
        return Expiry.OMS
    least = timedelta(seconds=rules.keeps_expiry_after_s + settings.OMS_SEND_WITHIN_S)
    return Expiry.EXCHANGE if expires_at - now > least else Expiry.OMS


def check_client_order_id(caller: Caller, account: Account, client_order_id: str | None) -> None:
    """No live order of the account that the caller sees carries the caller's id.

    Raises:
        DuplicateClientOrderId: one does.
    """
    if client_order_id is None:
        return
    seen = Order.objects.open().visible_to(caller, [account.pk])
    twin = seen.filter(client_order_id=client_order_id).first()
    if twin is not None:
        raise DuplicateClientOrderId(
            field="client_order_id", value=client_order_id, order_id=twin.pk
        )


def check_not_a_leg(order: Order) -> None:
    """The order is not a position's stop or take-profit, which follows the position.

    Raises:
        Conflict: it is.
    """
    if order.is_leg:
        raise Conflict(
            "The order protects a position; change the position's stops instead.",
            field="order_id",
            limit="position_change",
            value=order.pk,
            position_id=order.position_id,
        )


def check_held(
    account: Account,
    rules: MarketRules,
    *,
    side: Side,
    qty: Decimal,
    instead_of: Order | None = None,
    protecting: Position | None = None,
) -> None:
    """A spot sell never takes what is held of the base currency below zero.

    What the sell replaces is free again: ``instead_of`` is the live order that a change would
    replace, ``protecting`` the position whose stop at the exchange ends before it.

    Raises:
        Invalid: naming what is held.
    """
    if side is Side.SELL and rules.kind is MarketKind.SPOT:
        held = held_on_spot(account.pk, rules.base, instead_of=instead_of, protecting=protecting)
        check_sell(qty, held=held, currency=rules.base)
