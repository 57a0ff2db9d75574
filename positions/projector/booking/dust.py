"""What becomes of a remainder that is too small to trade?"""

from decimal import Decimal

from positions.engine.book import book_dust
from positions.engine.closing import Remainder, Steps, remainder_of_close
from positions.engine.holding import average_price
from positions.engine.market import Market
from positions.engine.types import DealKind, OrderType, Reason
from positions.models import Dust, JournalKind, MarketTerms, Order, Position
from positions.outbox import HeldLane
from positions.ports import MarketRules, exchange
from positions.projector.booking.closable import flag_unclosable, is_unclosable
from positions.projector.booking.deals import write_deal
from positions.projector.booking.holdings import store_holding, tell_position
from positions.projector.journal import record


def steps_of(rules: MarketRules, order_type: OrderType) -> Steps:
    """The market's limits on the quantity of one closing order."""
    market_least = rules.min_market_amount if order_type is OrderType.MARKET else None
    return Steps(qty_step=rules.amount_step, min_qty=market_least or rules.min_amount)


def write_off(
    lane: HeldLane,
    position: Position,
    qty: Decimal,
    market: Market,
    *,
    at_price: Decimal | None = None,
    comment: str = "Too small to trade: moved to dust.",
) -> None:
    """Close ``qty`` by a ``correction`` deal at the average, profit 0, into the dust record.

    ``at_price`` books it at another price, in the quote currency, with what that earned. A journal
    entry names the position, the quantity and the cost that went.
    """
    booking = book_dust(position.holding, market, qty, at_price=at_price)
    freed = position.cost - booking.current.cost
    record(
        lane,
        JournalKind.CORRECTION,
        position_id=position.pk,
        qty=qty,
        cost=freed,
        price=at_price,
        terms_id=MarketTerms.objects.current(lane.account_id, market).pk,
    )
    price = average_price(position.holding, market) if at_price is None else at_price
    for leg in booking.legs:
        write_deal(
            lane,
            position,
            side=leg.side,
            qty=leg.qty,
            price=price,
            entry=leg.entry,
            kind=DealKind.CORRECTION,
            profit=leg.profit,
            cost=-freed,
            profit_currency=market.profit_currency,
            reason=Reason.CORRECTION,
            comment=comment,
            executed_at=lane.now,
        )
    store_holding(lane, position, booking.current, market, at=lane.now)
    tell_position(lane, "position_updated" if position.qty else "position_closed", position)
    for move in booking.dust:
        add_dust(lane.account_id, move.asset, move.qty)


def settle_remainder(
    lane: HeldLane, order: Order, rules: MarketRules, *, refused_for_value: bool = False
) -> None:
    """After a close that asked for everything: write off dust, flag what cannot be closed.

    ``refused_for_value``: the exchange has just said that it is worth too little.
    """
    position = Position.objects.get(pk=order.position_id)
    steps = steps_of(rules, OrderType(order.order_type))
    price = order.avg_fill_price or exchange().last_price(lane.account_id, rules.symbol)
    too_little = refused_for_value or is_unclosable(position, rules, price)
    match remainder_of_close(position.qty, worth_too_little=too_little, steps=steps):
        case Remainder.DUST:
            write_off(lane, position, position.qty, rules.engine_market)
        case Remainder.UNCLOSABLE:
            flag_unclosable(lane, position, rules, price)
        case _:
            pass


def add_dust(account_id: int, currency: str, qty: Decimal) -> None:
    """Change the account's dust record of a currency."""
    dust, _ = Dust.objects.get_or_create(account_id=account_id, currency=currency)
    dust.qty += qty
    dust.save(update_fields=["qty"])
