"""How much is held, free and promised?

Sums over the account's live rows, in Python and exact. Called under the account's lane where
something is decided by them.
"""

from decimal import Decimal

from positions.engine.closing import PendingOrder, PositionFacts, free_volume
from positions.engine.money import ZERO, exact
from positions.engine.spot import held_qty
from positions.engine.types import OrderStatus, Side
from positions.models import Dust, Order, Position


@exact
def exchange_net(account_id: int, symbol: str) -> Decimal:
    """The signed volume that the exchange holds of a derivative: our open positions and dust."""
    live = Position.objects.open().filter(account_id=account_id, symbol=symbol)
    volumes = live.values_list("side", "qty")
    net = sum((Side(side).sign * qty for side, qty in volumes), ZERO)
    dust = Dust.objects.filter(account_id=account_id, currency=symbol).first()
    return net + (dust.qty if dust else ZERO)


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
    dust = Dust.objects.filter(account_id=account_id, currency=base).first()
    return held_qty(
        [Side(row.side).sign * row.qty for row in positions if ":" not in row.symbol],
        dust=dust.qty if dust else ZERO,
        open_sells=[row.qty - row.filled_qty for row in sells if ":" not in row.symbol],
    )


def free_of(position: Position, *, except_order: Order | None = None) -> Decimal:
    """The volume of a position that no pending close has been promised."""
    pending = _pending_closes(position)
    if except_order is not None:
        pending = pending.exclude(pk=except_order.pk)
    return free_volume(
        position.holding,
        [PendingOrder(Side(row.side), row.qty, row.filled_qty) for row in pending],
    )


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
