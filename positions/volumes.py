"""How much is held, free and promised?

Sums over the account's live rows, in Python and exact. Called under the account's lane where
something is decided by them.
"""

from collections.abc import Iterable
from decimal import Decimal

from positions.engine.closing import PendingOrder, PositionFacts, free_volume, half_of
from positions.engine.money import ZERO, exact
from positions.engine.spot import held_qty
from positions.engine.types import GroupRole, OrderStatus, OrderType, Side
from positions.models import Dust, ExchangeOrder, OpeningBalance, Order, Position, Transfer


@exact
def exchange_net(account_id: int, symbol: str) -> Decimal:
    """The signed volume that the exchange holds of a derivative: our open positions and dust."""
    live = Position.objects.open().filter(account_id=account_id, symbol=symbol)
    volumes = live.values_list("side", "qty")
    net = sum((Side(side).sign * qty for side, qty in volumes), ZERO)
    dust = Dust.objects.filter(account_id=account_id, currency=symbol).first()
    return net + (dust.qty if dust else ZERO)


def reducible_net(
    account_id: int, symbol: str, side: Side, position: Position | None = None
) -> Decimal:
    """The exchange's net as an order on ``side`` may find it: other market orders fill before it.

    Those of its own ``position`` do not count: with them the exchange's reduce-only caps the sum.
    """
    ahead = Order.objects.open().filter(
        account_id=account_id, symbol=symbol, side=side, order_type=OrderType.MARKET
    )
    if position is not None:
        ahead = ahead.exclude(position_id=position.pk)
    left = sum((qty - filled for qty, filled in ahead.values_list("qty", "filled_qty")), ZERO)
    return exchange_net(account_id, symbol) + side.sign * left


def held_on_spot(
    account_id: int,
    base: str,
    *,
    instead_of: Order | None = None,
    protecting: Position | None = None,
    legs: bool = True,
) -> Decimal:
    """What the account holds of ``base`` and has not promised to a sell.

    What a new sell replaces is free for it: ``instead_of`` is the live order that it changes,
    ``protecting`` the position whose stop at the exchange ends before it. Without ``legs`` no
    stop counts as a promise.
    """
    pair = f"{base}/"
    positions = Position.objects.open().filter(
        account_id=account_id, symbol__startswith=pair, is_external=False
    )
    sells = Order.objects.open().filter(
        account_id=account_id, symbol__startswith=pair, side=Side.SELL
    )
    if not legs:
        sells = sells.without_legs()
    if instead_of is not None:
        sells = sells.exclude(pk=instead_of.pk)
    if protecting is not None:
        sells = sells.exclude(pk__in=Order.objects.open().legs().filter(position=protecting))
    record = Dust.objects.filter(account_id=account_id, currency=base).first()
    dust = record.qty if record else ZERO
    return held_qty(
        [Side(row.side).sign * row.qty for row in positions if ":" not in row.symbol],
        dust=dust,
        open_sells=[row.qty - row.filled_qty for row in sells if ":" not in row.symbol],
        outside=_outside(account_id, base) if dust < ZERO else ZERO,
    )


@exact
def _outside(account_id: int, coin: str) -> Decimal:
    """What an account has of a coin that was never in a position of the OMS's.

    What it began with, transfers that somebody booked, and what unassigned external orders bought,
    less what open positions of other markets were paid for with it.
    """
    began = OpeningBalance.objects.filter(account_id=account_id, currency=coin)
    moved = Transfer.objects.filter(account_id=account_id, currency=coin)
    amounts = [*began.values_list("amount", flat=True), *moved.values_list("amount", flat=True)]
    live = Position.objects.open().filter(account_id=account_id)
    foreign = live.filter(symbol__startswith=f"{coin}/", is_external=True)
    bought = [Side(row.side).sign * row.qty for row in foreign if ":" not in row.symbol]
    paid = live.filter(symbol__endswith=f"/{coin}", side=Side.BUY).values_list("cost", flat=True)
    return sum(amounts, ZERO) + sum(bought, ZERO) - sum(paid, ZERO)


def free_of(
    position: Position, *, except_order: Order | None = None, asking: GroupRole | None = None
) -> Decimal:
    """The volume of a position that no pending close has been promised.

    ``asking``: the half of a stop and take-profit pair that asks (``engine.closing.half_of``).
    """
    pending = _pending_closes(position)
    if except_order is not None:
        pending = pending.exclude(pk=except_order.pk)
    found = list(pending)
    halves = halves_of(found)
    return free_volume(
        position.holding,
        [
            PendingOrder(Side(row.side), row.qty, row.filled_qty, half=halves.get(row.pk))
            for row in found
        ],
        asking=asking,
    )


def halves_of(orders: Iterable[Order]) -> dict[int, GroupRole]:
    """Which orders are one half of a pair that the exchange caps, by their id."""
    triggers = {order.pk: order for order in orders if OrderType(order.order_type).is_conditional}
    if not triggers:
        return {}
    capped = ExchangeOrder.objects.filter(order__in=triggers, is_current=True, reduce_only=True)
    found = {
        order_id: half_of(OrderType(triggers[order_id].order_type), capped=True)
        for order_id in capped.values_list("order_id", flat=True)
    }
    return {order_id: half for order_id, half in found.items() if half is not None}


@exact
def doubtful_of(position: Position) -> Decimal:
    """The part of a position's promised volume whose closes the exchange did not answer for."""
    doubtful = _pending_closes(position).filter(status=OrderStatus.UNKNOWN)
    return sum((row.qty - row.filled_qty for row in doubtful), ZERO)


def facts_of(position: Position) -> PositionFacts:
    """A row as the engine's close-by and merge see it."""
    return PositionFacts(
        position_id=position.pk,
        account_id=position.account_id,
        symbol=position.symbol,
        strategy_id=position.strategy_id,
        holding=position.holding,
        free=free_of(position),
        dedicated=position.is_external,
    )


def _pending_closes(position: Position):
    return Order.objects.open().filter(position=position, closes_position=True)
