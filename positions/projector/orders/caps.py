"""Which live order of a position has to end before another order may be sent?

A stop at the exchange and a close may both fill. On spot the second sells coins that are somebody
else's, on derivatives it turns the position round, unless the exchange's reduce-only caps both at
what the position holds. So a close waits until the stop is proven gone, and so does whatever would
lift such a cap while both are alive.
"""

from decimal import Decimal

from positions.engine.money import ZERO
from positions.engine.types import MarketKind, PositionMode, Side
from positions.models import ExchangeOrder, Order, Position
from positions.ports import MarketRules
from positions.volumes import exchange_net


def live_leg(position: Position) -> Order | None:
    """The newest stop or take-profit of the position that the exchange may have."""
    return Order.objects.open().legs().filter(position=position).order_by("-id").first()


def leg_before(position: Position, rules: MarketRules) -> Order | None:
    """The stop at the exchange that has to end before a close of the position may be sent."""
    leg = live_leg(position)
    return None if leg is None or is_capped(position, rules) else leg


def is_capped(position: Position, rules: MarketRules) -> bool:
    """Whether the exchange's reduce-only caps all closes of the position at what it holds.

    So it is where the exchange's net is nobody else's, cannot become it meanwhile, and every live
    close carries the flag. On a netting account its own orders may raise it: that is its volume.
    """
    if rules.kind is MarketKind.SPOT:
        return False
    net = Side(position.side).sign * exchange_net(position.account_id, position.symbol)
    if position.account.position_mode == PositionMode.NETTING:
        return net <= position.qty and _all_flagged(position)
    return net == position.qty and not _may_grow(position) and _all_flagged(position)


def leg_of_a_closing_position(account_id: int, symbol: str, side: Side) -> Order | None:
    """A live stop of a position on ``side`` that is being closed; an order on that side waits.

    It would add to the exchange's net, under which stop and close might both fill.
    """
    asked = Order.objects.open().legs().filter(account_id=account_id, symbol=symbol)
    legs = asked.filter(side=side.opposite).exclude(cancel_requested_at=None)
    for leg in legs.select_related("position").order_by("id"):
        if leg.position is not None and _closes(leg.position).exists():
            return leg
    return None


def unpromised(position: Position) -> Decimal:
    """The volume that a stop may close at once where reduce-only caps all closes together.

    What is on its way as a market order will close its part; what only rests, or what the exchange
    did not answer for, may be left to the cap.
    """
    coming = _closes(position).filter(order_type="market").exclude(status="UNKNOWN")
    promised = sum((row.qty - row.filled_qty for row in coming), ZERO)
    return max(position.qty - promised, ZERO)


def _closes(position: Position):
    return Order.objects.open().without_legs().filter(position=position, closes_position=True)


def _may_grow(position: Position) -> bool:
    """Whether an order could add to the net on the position's side while its closes live."""
    mine = {"account_id": position.account_id, "symbol": position.symbol, "side": position.side}
    return Order.objects.open().filter(**mine).exists()


def _all_flagged(position: Position) -> bool:
    sent = ExchangeOrder.objects.filter(order__in=_closes(position), is_current=True)
    return not sent.filter(reduce_only=False).exists()
