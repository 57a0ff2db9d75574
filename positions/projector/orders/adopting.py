"""How does an order that nobody here gave become one of our rows?"""

from positions import rows
from positions.engine.types import OrderStatus, OrderType, Reason
from positions.models import ExchangeOrder, Order
from positions.outbox import HeldLane
from positions.reports import OrderReport


def adopt_order(lane: HeldLane, report: OrderReport, *, forced: Reason | None) -> ExchangeOrder:
    """Store an order found at the exchange, with its order there; returns the latter.

    It is external: strategy 0, ``reconciled`` false, no command, until somebody assigns it. One of
    the exchange itself (``forced``: a liquidation, auto-deleveraging) needs nobody. Its state
    follows from the report like any other's.
    """
    qty = report.qty or report.filled_qty
    priced = OrderType.MARKET if report.price is None else OrderType.LIMIT
    found = "Found at the exchange."
    if report.client_order_id:
        found = f"Found at the exchange as {report.client_order_id}."
    order = Order.objects.create(
        account_id=lane.account_id,
        symbol=report.symbol,
        side=report.side,
        order_type=report.order_type or priced,
        time_in_force=report.time_in_force,
        status=OrderStatus.SUBMITTED,
        reason=forced or Reason.EXTERNAL,
        reconciled=forced is not None,
        exchange_order_id=report.exchange_order_id,
        qty=qty,
        price=report.price,
        trigger_price=report.trigger_price,
        note=(report.note or found)[:255],
        created_at=lane.now,
        updated_at=lane.now,
    )
    leg = ExchangeOrder.objects.create(
        account_id=lane.account_id,
        order=order,
        symbol=report.symbol,
        exchange_order_id=report.exchange_order_id,
        qty=qty,
        price=report.price,
        trigger_price=report.trigger_price,
        created_at=lane.now,
    )
    lane.tell("order_submitted", rows.order_row(order), strategy_id=0)
    return leg
