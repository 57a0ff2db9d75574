"""Could an order have been executed, or triggered, at this price?

Pure. At its price counts: somebody traded there.
"""

from decimal import Decimal

from positions.engine.types import OrderType, Side
from positions.models import ExchangeOrder

_STOPS = (OrderType.STOP, OrderType.STOP_LIMIT)
_TAKE_PROFITS = (OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)


def is_touched(leg: ExchangeOrder, price: Decimal) -> bool:
    """Whether a market that trades at ``price`` has reached the order, or its trigger.

    ``leg`` comes with its order loaded. A trailing stop has no level that we know.
    """
    order, side = leg.order, Side(leg.order.side)
    trigger = order.trigger_price
    if trigger is not None and order.order_type in _STOPS:
        return _beyond(price, trigger, rises=side is Side.BUY)
    if trigger is not None and order.order_type in _TAKE_PROFITS:
        return _beyond(price, trigger, rises=side is Side.SELL)
    limit = leg.price if leg.price is not None else order.price
    return limit is not None and _beyond(price, limit, rises=side is Side.SELL)


def _beyond(price: Decimal, level: Decimal, *, rises: bool) -> bool:
    return price >= level if rises else price <= level
