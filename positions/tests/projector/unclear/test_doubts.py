"""An order in doubt at an exchange that keeps no id of ours: adopted, taken over, or given up."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.audit import OPERATOR, Actor
from accounts.models import AuditEntry
from accounts.words import Right, Role
from oms_project.errors import Conflict, Invalid, PermissionDenied
from positions import ports, projector
from positions.engine.types import CaseAction, OrderStatus, OrderType, Side
from positions.models import Case, Execution, Order
from positions.projector.unclear import doubts
from positions.reports import OrderReport, Reports
from positions.services.decide_case import Decision, decide
from positions.tests.desk import Desk
from positions.tests.fakes import LINEAR
from positions.tests.ledger.checking import differences

D = Decimal
WINDOW = timedelta(seconds=8)
SUBMITTED, FILLED = OrderStatus.SUBMITTED, OrderStatus.FILLED


def in_doubt(desk: Desk, side: str = "buy", qty: str = "1", **payload: Any) -> Order:
    """An order that was sent, and to which the exchange did not answer."""
    order = desk.send(side, qty, **payload)
    claim = desk.claim_one()
    projector.mark_unknown(claim.instruction.pk, claim.instruction.fence)
    order = desk.fresh(order)
    assert order.status == "UNKNOWN"
    return order


def there(name: str, side: str = "buy", qty: str = "1", **facts: Any) -> OrderReport:
    """An order that the exchange lists, placed just now."""
    known = {
        "status": SUBMITTED,
        "side": Side(side),
        "qty": D(qty),
        "filled_qty": D(0),
        "order_type": OrderType.MARKET,
        "placed_at": timezone.now(),
    }
    return OrderReport(symbol=LINEAR, exchange_order_id=name, client_order_id=None, **known | facts)


def judge(desk: Desk, order: Order, *shown: OrderReport, after_s: float = 60) -> bool:
    """The look that long after now."""
    return doubts.judge(
        order.pk,
        shown,
        ports.exchange().market(desk.account.pk, LINEAR),
        exchange_now=timezone.now() + timedelta(seconds=after_s),
        ahead=timedelta(0),
        window=WINDOW,
    )


def say(case: Case, action: CaseAction, by: Actor = OPERATOR, **facts: Any) -> dict[str, Any]:
    return decide(case.pk, Decision(action, "looked it up", **facts), by)


# --- what is certain ---


def test_the_one_equal_order_is_adopted_once_no_other_can_come(desk):
    order = in_doubt(desk)
    shown = there("x1")
    assert not judge(desk, order, shown, after_s=1)
    assert desk.fresh(order).status == "UNKNOWN"

    assert judge(desk, order, shown)

    order = desk.fresh(order)
    assert (order.status, order.exchange_order_id) == ("SUBMITTED", "x1")
    assert order.note == doubts.ADOPTED
    assert desk.fresh(order.command).status == "completed"
    assert not Case.objects.exists()


def test_as_many_doubts_as_orders_are_adopted_in_the_order_of_sending(desk):
    first, second = in_doubt(desk), in_doubt(desk)
    early, late = there("z-early"), there("a-late")

    judge(desk, second, late, early)

    assert desk.fresh(first).exchange_order_id == "z-early"
    assert desk.fresh(second).exchange_order_id == "a-late"


@pytest.mark.parametrize(
    "other",
    [
        {"qty": "2"},
        {"side": "sell"},
        {"order_type": OrderType.LIMIT, "price": D(5)},
        {"placed_at": timezone.now() - timedelta(minutes=1)},
        {"placed_at": timezone.now() + timedelta(minutes=5)},
    ],
)
def test_what_is_not_equal_is_no_candidate(desk, other):
    order = in_doubt(desk)

    assert not judge(desk, order, there("x1", **other))

    case = Case.objects.get()
    assert (case.kind, case.facts["candidates"]) == ("unknown_order", [])
    assert desk.fresh(order).status == "UNKNOWN"


def test_an_order_of_ours_is_no_candidate(desk):
    known = desk.filled("buy", "1")
    order = in_doubt(desk)

    judge(desk, order, there(known.exchange_order_id))

    assert Case.objects.get().facts["candidates"] == []


def test_fills_of_an_adopted_order_are_asked_for_and_booked(desk):
    order = in_doubt(desk)
    judge(desk, order, there("x1", status=FILLED, filled_qty=D(1)))
    assert desk.fresh(order).next_check_at is not None

    desk.tell(desk.trade(order, "1", exchange_order_id="x1"))

    assert desk.fresh(order).status == "FILLED"
    assert [deal.order_id for deal in desk.deals()] == [order.pk]
    assert differences(desk) == []


# --- what a person says ---


@pytest.fixture
def two(desk, venue) -> tuple[Order, Case]:
    """One doubt, two orders that it may be, and the case about it."""
    order = in_doubt(desk)
    shown = [there("x1"), there("x2")]
    venue.there = {(LINEAR, one.exchange_order_id): one for one in shown}
    judge(desk, order, *shown)
    judge(desk, order, *shown)
    return order, Case.objects.get()


def test_candidates_are_in_the_case_and_the_person_chooses(desk, two):
    order, case = two
    assert case.actions[:2] == [CaseAction.ADOPT, CaseAction.GIVE_UP]
    assert [one["exchange_order_id"] for one in case.facts["candidates"]] == ["x1", "x2"]

    row = say(case, CaseAction.ADOPT, exchange_order_id="x2")

    order = desk.fresh(order)
    assert (order.status, order.exchange_order_id) == ("SUBMITTED", "x2")
    assert order.note == "Adopted by manage.py: looked it up"
    assert (row["state"], row["resolution"]) == ("resolved", "decided")
    assert desk.events().count("mismatch_resolved") == 1
    entry = AuditEntry.objects.get(action="case_decided")
    assert (entry.after["exchange_order_id"], entry.comment) == ("x2", "looked it up")
    stranger = desk.adopt(Reports((there("x1"),)))
    assert stranger.reason == "external"


@pytest.mark.parametrize(
    ("shown", "name", "field"),
    [
        (None, "x9", "exchange_order_id"),
        (None, None, "exchange_order_id"),
        (there("x9", side="sell"), "x9", "exchange_order_id"),
    ],
)
def test_what_it_cannot_be_is_refused(desk, two, venue, shown, name, field):
    order, case = two
    if shown is not None:
        venue.there[LINEAR, "x9"] = shown

    with pytest.raises(Invalid) as refusal:
        say(case, CaseAction.ADOPT, exchange_order_id=name)

    assert refusal.value.details["field"] == field
    assert desk.fresh(order).status == "UNKNOWN"
    assert desk.fresh(case).state == "open"


def test_another_order_of_ours_is_refused(desk, two, venue):
    _, case = two
    ours = desk.filled("buy", "1")
    shown = there(ours.exchange_order_id)
    venue.there[LINEAR, ours.exchange_order_id] = shown

    with pytest.raises(Conflict) as refusal:
        say(case, CaseAction.ADOPT, exchange_order_id=ours.exchange_order_id)

    assert refusal.value.details["order_id"] == ours.pk


def test_an_id_is_for_adopting_only(two):
    _, case = two
    with pytest.raises(Invalid):
        say(case, CaseAction.GIVE_UP, exchange_order_id="x1")


def test_given_up_it_is_rejected_honestly_and_its_volume_is_free(desk, two):
    position = desk.bought("1")
    desk.report(two[0], SUBMITTED)  # That one is settled; another one closes.
    close = desk.close(position)
    claim = next(one for one in desk.claim() if one.instruction.order_id == close.pk)
    projector.mark_unknown(claim.instruction.pk, claim.instruction.fence)
    judge(desk, close)
    case = Case.objects.open().get()

    row = say(case, CaseAction.GIVE_UP)

    close = desk.fresh(close)
    assert (close.status, close.note) == ("REJECTED", "Given up by manage.py: looked it up")
    assert row["resolution"] == "decided"
    assert desk.fresh(close.command).status == "failed"
    assert desk.fresh(position).state == "open"
    assert desk.close(position).pk != close.pk
    with pytest.raises(Conflict):
        say(case, CaseAction.GIVE_UP)


def test_what_was_given_up_can_still_be_adopted(desk):
    order = in_doubt(desk)
    judge(desk, order)
    say(Case.objects.get(), CaseAction.GIVE_UP)

    desk.report(order, SUBMITTED)

    assert desk.fresh(order).status == "SUBMITTED"


def test_a_doubt_that_settles_by_itself_ends_its_case(desk, two):
    order, case = two

    desk.report(order, SUBMITTED)

    assert desk.fresh(case).resolution == "gone"
    with pytest.raises(Conflict):
        say(case, CaseAction.ADOPT, exchange_order_id="x1")


def test_an_acknowledged_doubt_is_told_again_with_other_candidates_only(desk, two):
    order, case = two
    say(case, CaseAction.ACKNOWLEDGE)

    judge(desk, order, there("x1"), there("x2"))
    assert Case.objects.count() == 1
    judge(desk, order, there("x1"), there("x2"), there("x3"))
    assert Case.objects.count() == 2


@pytest.mark.parametrize("action", [CaseAction.ADOPT, CaseAction.GIVE_UP])
@pytest.mark.parametrize(
    ("role", "rights", "passes"),
    [
        (Role.RISK, {Right.READ, Right.RISK_MANAGE}, True),
        (Role.RISK, {Right.READ, Right.CLOSE_POSITION}, False),
        (Role.TRADER, {Right.READ, Right.TRADE, Right.CLOSE_POSITION}, False),
        (Role.ADMIN, {Right.READ}, True),
    ],
)
def test_both_take_the_risk_right(desk, two, action, role, rights, passes):
    order, case = two
    by = Actor.from_caller(desk.caller_with(role, rights=frozenset(rights)))
    named = {"exchange_order_id": "x1"} if action is CaseAction.ADOPT else {}

    if passes:
        say(case, action, by, **named)
        assert desk.fresh(order).status != "UNKNOWN"
    else:
        with pytest.raises(PermissionDenied):
            say(case, action, by, **named)
        assert desk.fresh(order).status == "UNKNOWN"


# --- strangers ---


def test_a_matching_stranger_is_not_imported_while_the_doubt_lives(desk):
    in_doubt(desk)

    projector.apply(desk.account.pk, Reports((there("x1"), there("x2", side="sell"))), adopt=True)

    external = Order.objects.filter(reason="external")
    assert [order.exchange_order_id for order in external] == ["x2"]


@pytest.mark.parametrize("mode", ["netting", "strategy_netting", "hedge"])
@pytest.mark.parametrize("reversal", ["split", "mt5"])
def test_one_imported_before_is_taken_over_with_what_it_did(new_desk, venue, mode, reversal):
    desk = new_desk(position_mode=mode, reversal=reversal)
    strategy = desk.strategy()
    desk.filled("sell", "0.4", strategy_id=strategy.pk)
    order, imported = _taken_over(desk, venue, strategy.pk)

    external = Order.objects.get(pk=imported.pk)
    assert (order.status, order.filled_qty, order.fees_by_currency) == (
        "PARTIALLY_FILLED", D("0.6"), {"USDT": "0.1"}
    )  # fmt: skip
    assert (external.filled_qty, external.status, external.exchange_orders.get().exchange_order_id
            ) == (0, "CANCELED", None)  # fmt: skip
    assert external.note == f"It is order {order.pk}, which was in doubt."
    assert {deal.order_id for deal in desk.deals()} == {order.pk, desk.deals()[0].order_id}
    assert {deal.strategy_id for deal in desk.deals()} == {strategy.pk}
    assert not any(row.is_external for row in desk.positions())
    assert differences(desk) == []

    desk.tell(desk.trade(order, "0.4", "101", exchange_order_id="e1"))
    desk.report(order, FILLED, "1", exchange_order_id="e1")

    assert (desk.fresh(order).status, desk.fresh(order).filled_qty) == ("FILLED", D(1))
    net = sum(row.holding.signed_qty for row in desk.positions())
    assert net == D("0.6")
    assert differences(desk) == []


def test_what_was_taken_over_can_be_reassigned_like_any_other(new_desk, venue):
    desk = new_desk(position_mode="strategy_netting")
    strategy, other = desk.strategy(), desk.strategy()
    order, _ = _taken_over(desk, venue, strategy.pk)
    boss = desk.caller_with(Role.ADMIN)

    for to in (other.pk, strategy.pk):
        desk.reassign(order, to=to, override=True, caller=boss)

        assert {deal.strategy_id for deal in desk.deals()} == {to}
        assert {deal.order_id for deal in desk.deals()} == {order.pk}
        assert differences(desk) == []


def test_one_that_a_close_by_has_used_since_stays_in_doubt(new_desk, venue):
    desk = new_desk(position_mode="hedge")
    venue.prices[LINEAR] = D(100)
    strategy = desk.strategy()
    imported = _imported(desk)
    desk.reassign(imported, to=strategy.pk)
    order = in_doubt(desk, strategy_id=strategy.pk)
    judge(desk, order)
    venue.there = {(LINEAR, "e1"): there("e1", filled_qty=D("0.6"))}

    with pytest.raises(Conflict):  # It is somebody's by now.
        say(Case.objects.get(), CaseAction.ADOPT, exchange_order_id="e1")

    assert desk.fresh(order).status == "UNKNOWN"
    assert differences(desk) == []


def _imported(desk: Desk) -> Order:
    """A foreign order, filled in part, found before anybody was in doubt of it."""
    trade = desk.foreign_trade("e1", "buy", "0.6", "100", fee=D("0.1"), fee_currency="USDT")
    report = there("e1", filled_qty=D("0.6"), status=OrderStatus.PARTIALLY_FILLED)
    return desk.adopt(Reports((report,), (trade,)))


def _taken_over(desk: Desk, venue: Any, strategy_id: int) -> tuple[Order, Order]:
    imported = _imported(desk)
    order = in_doubt(desk, strategy_id=strategy_id)
    judge(desk, order)
    venue.there = {(LINEAR, "e1"): there("e1", filled_qty=D("0.6"))}
    say(Case.objects.get(), CaseAction.ADOPT, exchange_order_id="e1")
    assert Execution.objects.filter(order=imported).count() == 1
    return desk.fresh(order), imported
