"""What can be done about a case beside booking a difference: which right, and the act itself."""

from decimal import Decimal

from accounts.audit import Actor
from accounts.rights.acts import Act
from accounts.rights.permissions import require_reassign
from oms_project.errors import Conflict, Invalid, PositionCloseInProgress
from positions.engine.money import ZERO
from positions.engine.types import (
    CaseAction,
    CaseKind,
    MarketKind,
    OrderStatus,
    PositionMode,
    Side,
)
from positions.models import Case, MarketTerms, Order, Position
from positions.outbox import HeldLane
from positions.ports import MarketRules
from positions.projector.booking import dust
from positions.projector.orders import outcomes
from positions.projector.reassign.rebooking import Target, book_reassign
from positions.projector.unclear import doubts, missing
from positions.querysets import LIVE_POSITION_STATES
from positions.reports import OrderReport
from positions.services import checks

_OF_DOUBTS = {CaseAction.ADOPT: Act.ADOPT_ORDER, CaseAction.GIVE_UP: Act.GIVE_UP_ORDER}


def act_of(case: Case, action: CaseAction, *, price: Decimal | None) -> Act:
    """Which act of the table of rights the decision is.

    Whatever the case offers: it may offer something else by the time its lane is held.
    """
    if action is CaseAction.WRITE_OFF:
        small = case.kind == CaseKind.UNCLOSABLE and price is None
        return Act.WRITE_OFF_REST if small else Act.WRITE_OFF
    return _OF_DOUBTS.get(action, Act.DECIDE_CASE)


def write_off(lane: HeldLane, case: Case, *, at_price: Decimal | None, comment: str) -> None:
    """Close the case's position into the dust record, at its average or at a price.

    Nothing is sent. A close that waits at a market that is gone does not stand in the way.

    Raises:
        Conflict: the position is closed already.
        PositionCloseInProgress: an order may still close it.
        Invalid: an inverse contract is worth nothing countable at price zero.
    """
    position = Position.objects.get(pk=case.position_id)
    if position.state not in LIVE_POSITION_STATES:
        raise Conflict("The position is closed already.", position_id=position.pk)
    closing = Order.objects.open().filter(position=position, closes_position=True).first()
    if closing is not None and case.kind != CaseKind.MARKET_GONE:
        raise PositionCloseInProgress(position_id=position.pk, order_id=closing.pk)
    terms = MarketTerms.objects.filter(account_id=case.account_id, symbol=position.symbol)
    market = terms.latest("id").engine_market
    if at_price == ZERO and market.kind is MarketKind.INVERSE:
        raise Invalid("An inverse contract needs a price.", field="price", limit="> 0", value=ZERO)
    if case.kind == CaseKind.UNCLOSABLE:
        position.unclosable = False  # The case ends by the decision, not because it is gone.
    dust.write_off(
        lane, position, position.qty, market, at_price=at_price, comment=f"Written off: {comment}"
    )


def book_provisional(lane: HeldLane, case: Case, rules: MarketRules) -> None:
    """Book what is missing of the case's order at its average price, until its trades come.

    Raises:
        Conflict: nothing is missing any more, it may still be traded, or no price was told.
    """
    order = Order.objects.get(pk=case.order_id)
    missing.book_provisionally(lane, missing.missing_of(order), rules)


def adopt(lane: HeldLane, case: Case, shown: OrderReport, rules: MarketRules, note: str) -> None:
    """The case's order is the one that the exchange shows.

    Raises:
        Conflict: the order is in doubt no more, or that one is another order of ours.
        Invalid: that one is of another symbol or side.
    """
    order = Order.objects.select_related("account", "position").get(pk=case.order_id)
    doubts.adopt(lane, order, shown, rules, note=note)


def give_up(lane: HeldLane, case: Case, note: str) -> None:
    """The exchange never took the case's order: it is ``REJECTED``, its volume free.

    Raises:
        Conflict: the order is in doubt no more.
    """
    order = Order.objects.get(pk=case.order_id)
    if order.status != OrderStatus.UNKNOWN:
        raise Conflict(
            "The order is in doubt no more.", order_id=order.pk, status=str(order.status)
        )
    outcomes.give_up(lane, order, note=note[:255])


def reassign(lane: HeldLane, case: Case, by: Actor) -> None:
    """Give the external orders that stand against the case's position to its strategy.

    Raises:
        PermissionDenied, StrategyPermissionDenied: the caller may not reassign to it.
        Conflict: no such order is here yet, or something lies in what would be booked anew.
    """
    position = Position.objects.select_related("account").get(pk=case.position_id)
    if by.caller is not None:
        require_reassign(by.caller, case.account_id, sorted({0, position.strategy_id}))
    checks.check_strategy(position.account, position.strategy_id)
    against = Position.objects.open().filter(
        account_id=case.account_id,
        symbol=position.symbol,
        is_external=True,
        side=Side(position.side).opposite,
    )
    ids = against.values_list("opening_order_id", flat=True)
    orders = list(Order.objects.select_related("account").filter(pk__in=ids).order_by("id"))
    if not orders:
        raise Conflict(
            "No order given elsewhere stands against the position; wait for the next round.",
            position_id=position.pk,
        )
    mode = PositionMode(position.account.position_mode)
    book_reassign(lane, orders, Target(position.strategy_id, position), mode=mode)
