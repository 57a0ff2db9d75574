"""Which of an exchange's orders is the one that it did not answer for, where no id of ours tells?

Contract section 5: nothing is presumed. As many doubts as equal orders there are adopted in the
order of sending; anything else stays ``UNKNOWN`` and is a case ``unknown_order``, until a person
says which one it is, or that it is none. Judged once no request can arrive there any more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from oms_project.errors import Conflict, Invalid
from positions import rows
from positions.engine.types import (
    CaseAction,
    CaseKind,
    OrderStatus,
    PositionMode,
    Reason,
    Resolution,
    Side,
)
from positions.models import Case, ExchangeOrder, InstructionKind, Order
from positions.outbox import HeldLane, holding
from positions.ports import MarketRules
from positions.projector.apply import apply_held
from positions.projector.cases import open_case
from positions.projector.unclear.taking_over import take_over
from positions.reports import OrderReport, Reports

SENT_BEFORE = timedelta(seconds=2)
ADOPTED = "The exchange kept no id of ours: it is the one equal order there."


@dataclass(frozen=True, slots=True)
class Doubt:
    """An order of which only its own facts are known, and when it may have been placed there, by
    the exchange's clock.
    """

    order: Order
    leg: ExchangeOrder
    earliest: datetime
    latest: datetime

    def may_be(self, shown: OrderReport) -> bool:
        """Whether it was placed there in time."""
        at = shown.placed_at
        return at is not None and self.earliest <= at <= self.latest


def subject_of_doubt(order_id: int) -> str:
    """How a case names an order in doubt."""
    return f"order {order_id}"


def judge(
    order_id: int,
    shown: Sequence[OrderReport],
    rules: MarketRules,
    *,
    exchange_now: datetime,
    ahead: timedelta,
    window: timedelta,
) -> bool:
    """Adopt what is certain; else open or renew the case. Whether the order was adopted.

    ``shown``: what the exchange lists of the symbol. ``ahead``: how far our clock is before its;
    ``window``: how long after its deadline a request may still be accepted.
    """
    account_id = Order.objects.values_list("account_id", flat=True).get(pk=order_id)
    with holding(account_id) as lane:
        doubts = _doubts_like(Order.objects.get(pk=order_id), ahead=ahead, window=window)
        if all(doubt.order.pk != order_id for doubt in doubts):
            return False  # Settled meanwhile.
        if any(doubt.latest >= exchange_now for doubt in doubts):
            return False
        equal = _equal(lane, doubts, shown)
        pairs = list(zip(doubts, equal, strict=False))
        if len(equal) == len(doubts) and all(doubt.may_be(one) for doubt, one in pairs):
            adopted = [_adopted(lane, doubt, one, rules) for doubt, one in pairs]
            return all(adopted)
        for doubt in doubts:
            _name(lane, doubt, [one for one in equal if doubt.may_be(one)])
        return False


def _adopted(lane: HeldLane, doubt: Doubt, one: OrderReport, rules: MarketRules) -> bool:
    """Whether nothing stood in the way: what was imported may have been booked on since."""
    try:
        adopt(lane, doubt.order, one, rules, note=ADOPTED)
    except Conflict:
        _name(lane, doubt, [one])
        return False
    return True


def adopt(
    lane: HeldLane, order: Order, shown: OrderReport, rules: MarketRules, *, note: str
) -> None:
    """The order is the one that the exchange shows: what is known of that is booked on it.

    One that was imported as somebody's is taken over. What it owes is asked for at once.

    Raises:
        Conflict: the order is in doubt no more, or that one is another order of ours.
        Invalid: that one is of another symbol or side.
    """
    leg = check_adoption(order, shown)
    theirs = _known_as(order.account_id, shown)
    if theirs is not None:
        take_over(lane, order, leg, theirs, mode=PositionMode(order.account.position_mode))
    else:
        leg.exchange_order_id = shown.exchange_order_id
        leg.save(update_fields=["exchange_order_id"])
    order = Order.objects.get(pk=order.pk)
    order.exchange_order_id = shown.exchange_order_id
    order.note, order.next_check_at = note[:255], lane.now
    order.save(update_fields=["exchange_order_id", "note", "next_check_at"])
    apply_held(lane, Reports((shown,)), {order.symbol: rules})


def check_adoption(order: Order, shown: OrderReport) -> ExchangeOrder:
    """The leg of the order that is in doubt, if it may be what the exchange shows.

    Raises:
        Conflict, Invalid: see ``adopt``.
    """
    legs = order.exchange_orders.filter(is_current=True, exchange_order_id=None)
    leg = legs.filter(conditional_order_id=None).first()
    if order.status != OrderStatus.UNKNOWN or leg is None:
        raise Conflict("The order is in doubt no more.", order_id=order.pk, status=order.status)
    for name, ours, there in (
        ("symbol", order.symbol, shown.symbol),
        ("side", Side(order.side), shown.side),
    ):
        if ours != there:
            raise Invalid(
                f"That order has another {name}.",
                field="exchange_order_id",
                limit=str(ours),
                value=None if there is None else str(there),
            )
    theirs = _known_as(order.account_id, shown)
    if theirs is not None and not _is_nobodys(theirs.order):
        raise Conflict(
            "That order is another one of ours.",
            field="exchange_order_id",
            value=shown.exchange_order_id,
            order_id=theirs.order_id,
        )
    return leg


def _known_as(account_id: int, shown: OrderReport) -> ExchangeOrder | None:
    legs = ExchangeOrder.objects.select_related("order").filter(
        account_id=account_id, symbol=shown.symbol, exchange_order_id=shown.exchange_order_id
    )
    return legs.first()


def _is_nobodys(order: Order) -> bool:
    return order.reason == Reason.EXTERNAL and not order.reconciled


def _doubts_like(order: Order, *, ahead: timedelta, window: timedelta) -> list[Doubt]:
    """The doubts that are equal to this order's, itself among them, in the order of sending."""
    alike = {
        name: getattr(order, name)
        for name in ("account_id", "symbol", "side", "order_type", "price", "trigger_price")
    }
    unknown = Order.objects.open().filter(status=OrderStatus.UNKNOWN, **alike)
    found = []
    for one in unknown.select_related("account").order_by("id"):
        legs = one.exchange_orders.filter(is_current=True, exchange_order_id=None)
        leg = legs.filter(conditional_order_id=None).first()
        if leg is None or one.qty != order.qty:
            continue
        create = leg.instructions.filter(kind=InstructionKind.CREATE).latest("id")
        if create.deadline is None:
            continue
        sent = create.deadline - timedelta(seconds=settings.OMS_SEND_DEADLINE_S)
        earliest, latest = sent - SENT_BEFORE - ahead, create.deadline + window - ahead
        found.append(Doubt(one, leg, earliest, latest))
    return sorted(found, key=lambda doubt: (doubt.earliest, doubt.order.pk))


def _equal(
    lane: HeldLane, doubts: Sequence[Doubt], shown: Sequence[OrderReport]
) -> list[OrderReport]:
    """What is shown that one of them may be: equal, not ours, placed in time; oldest first."""
    order = doubts[0].order
    by_id = {one.exchange_order_id: one for one in shown if one.exchange_order_id}
    known = ExchangeOrder.objects.select_related("order").filter(
        account_id=lane.account_id, symbol=order.symbol, exchange_order_id__in=by_id
    )
    ours = {leg.exchange_order_id for leg in known if not _is_nobodys(leg.order)}
    equal = [
        one
        for one in by_id.values()
        if one.exchange_order_id not in ours
        and _is_equal(order, one)
        and any(doubt.may_be(one) for doubt in doubts)
    ]
    return sorted(equal, key=lambda one: (one.placed_at, one.exchange_order_id or ""))


def _is_equal(order: Order, one: OrderReport) -> bool:
    facts = (order.symbol, order.side, order.qty)
    same_type = one.order_type is None or one.order_type == order.order_type
    same_price = order.price is None or one.price == order.price
    return (one.symbol, one.side, one.qty) == facts and same_type and same_price


def _name(lane: HeldLane, doubt: Doubt, candidates: Sequence[OrderReport]) -> None:
    order = doubt.order
    facts = {
        "earliest": doubt.earliest,
        "latest": doubt.latest,
        "candidates": [
            {
                "exchange_order_id": one.exchange_order_id,
                "status": None if one.status is None else str(one.status),
                "qty": one.qty,
                "filled_qty": one.filled_qty,
                "price": one.price,
                "placed_at": rows.time_text(one.placed_at),
            }
            for one in candidates
        ],
    }
    subject = subject_of_doubt(order.pk)
    mine = Case.objects.filter(
        account_id=lane.account_id, kind=CaseKind.UNKNOWN_ORDER, subject=subject
    )
    seen = mine.filter(resolution=Resolution.ACKNOWLEDGED).last()
    ids = [one["exchange_order_id"] for one in facts["candidates"]]
    if seen and [one["exchange_order_id"] for one in seen.facts["candidates"]] == ids:
        return
    open_case(
        lane,
        CaseKind.UNKNOWN_ORDER,
        subject,
        symbol=order.symbol,
        strategy_id=order.strategy_id,
        order=order,
        facts=facts,
        action=CaseAction.ADOPT if candidates else CaseAction.GIVE_UP,
        proposal="Look it up on the exchange's own pages: adopt the order that it is, or give it "
        "up. Its volume stays reserved until then.",
    )
