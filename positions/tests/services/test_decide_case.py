"""What a person decides is booked once, and the books agree afterwards."""

from decimal import Decimal

import pytest

from accounts.audit import OPERATOR, Actor
from accounts.models import AuditEntry
from accounts.words import Right, Role
from oms_project.errors import (
    Conflict,
    Invalid,
    NotFound,
    PermissionDenied,
    PositionCloseInProgress,
)
from positions.engine.drift import Difference, Finding
from positions.engine.types import CaseAction, CaseKind
from positions.ledger.balances import balances, net_positions
from positions.models import Case, Order, Transfer
from positions.outbox import holding
from positions.projector.booking.closable import flag_unclosable
from positions.projector.cases import open_case
from positions.projector.comparisons import GONE, explained, gone_markets, note_comparison
from positions.services.decide_case import Decision, decide
from positions.tests.fakes import LINEAR, SPOT
from positions.tests.ledger.checking import differences

D = Decimal


@pytest.fixture
def found(desk):
    """Have a comparison find differences; returns their cases."""

    def found(*differences: Difference) -> list[Case]:
        told = explained(desk.account.pk, differences)
        note_comparison(desk.account.pk, (Finding.POSITION, Finding.BALANCE), told, tick={})
        return list(Case.objects.open().filter(account=desk.account).order_by("id"))

    return found


def money(venue: str, ours: str = "0") -> Difference:
    return Difference(Finding.BALANCE, "USDT", D(ours), D(venue))


def hidden(venue: str, ours: str = "0") -> Difference:
    return Difference(Finding.POSITION, LINEAR, D(ours), D(venue))


def by(desk) -> Actor:
    return Actor(desk.user.pk, desk.user.username)


def test_a_transfer_is_in_the_balances_from_then_on(desk, found):
    (case,) = found(money("250.5"))
    before = balances(desk.account.pk).get("USDT", D(0))

    row = decide(case.pk, Decision(CaseAction.BOOK_TRANSFER, "deposit of Monday"), by(desk))

    assert (row["state"], row["owner"], row["actions"]) == ("resolved", desk.user.username, [])
    assert row["comment"] == "deposit of Monday"
    assert balances(desk.account.pk)["USDT"] - before == D("250.5")
    assert desk.events()[-1] == "mismatch_resolved"


def test_a_hidden_fill_becomes_an_external_order_that_can_be_reassigned(desk, found):
    own = desk.bought("1", "100")
    (case,) = found(hidden("-0.5", "1"))

    decide(case.pk, Decision(CaseAction.BOOK_FILL, "seen on the web page", D(90)), by(desk))

    order = Order.objects.get(account=desk.account, reason="external")
    assert (order.side, order.qty, order.avg_fill_price) == ("sell", D("1.5"), D(90))
    assert (order.reconciled, order.status) == (False, "FILLED")
    assert order.note == f"Booked by case {case.pk}: seen on the web page"
    assert net_positions(desk.account.pk) == {LINEAR: D("-0.5")}
    desk.reassign(order, to=0)
    assert desk.fresh(own).state == "closed"
    assert net_positions(desk.account.pk) == {LINEAR: D("-0.5")}


def test_without_a_price_the_last_one_counts(desk, found, venue):
    desk.bought("1", "100")
    venue.prices[LINEAR] = D(77)
    (case,) = found(hidden("3", "1"))

    decide(case.pk, Decision(CaseAction.BOOK_FILL, "so"), by(desk))

    assert Order.objects.get(account=desk.account, reason="external").avg_fill_price == D(77)


def test_no_price_at_all_is_a_conflict_that_says_so(desk, found):
    (case,) = found(hidden("3"))

    with pytest.raises(Conflict) as refusal:
        decide(case.pk, Decision(CaseAction.BOOK_FILL, "so"), by(desk))

    assert refusal.value.details["field"] == "price"
    assert desk.fresh(case).state == "open"


def test_fills_booked_since_the_comparison_come_first(desk, found):
    (case,) = found(hidden("3"))
    desk.bought("3", "100")

    with pytest.raises(Conflict):
        decide(case.pk, Decision(CaseAction.BOOK_FILL, "so", D(100)), by(desk))

    assert net_positions(desk.account.pk) == {LINEAR: D(3)}


def test_a_decision_is_made_once(desk, found):
    (case,) = found(money("5"))
    decide(case.pk, Decision(CaseAction.BOOK_TRANSFER, "once"), by(desk))

    with pytest.raises(Conflict):
        decide(case.pk, Decision(CaseAction.BOOK_TRANSFER, "twice"), by(desk))

    assert Transfer.objects.get().amount == D(5)


def test_who_looks_after_a_case_is_noted_and_it_stays_open(desk, found):
    (case,) = found(money("5"))

    row = decide(case.pk, Decision(CaseAction.NOTE, "asked support"), by(desk))

    assert (row["state"], row["owner"]) == ("open", desk.user.username)
    assert found(money("5"))[0].comment == "asked support"
    found()
    assert desk.fresh(case).owner == desk.user


def test_a_case_of_the_booking_is_acknowledged_and_nothing_is_booked(desk):
    with holding(desk.account.pk) as lane:
        case = open_case(lane, CaseKind.UNCLOSABLE, "position 3")

    row = decide(case.pk, Decision(CaseAction.ACKNOWLEDGE, "sold by hand"), OPERATOR)

    assert (row["state"], row["owner"]) == ("resolved", None)
    assert "worth less" in row["explanation"]


@pytest.mark.parametrize("action", [CaseAction.BOOK_FILL, CaseAction.WRITE_OFF])
def test_only_what_a_case_offers_can_be_decided(desk, found, action):
    (case,) = found(money("5"))

    with pytest.raises(Invalid) as refusal:
        decide(case.pk, Decision(action, "so"), by(desk))

    assert refusal.value.details["limit"] == ["book_transfer", "acknowledge", "note"]


def test_a_price_is_for_fills_only(desk, found):
    (case,) = found(money("5"))

    with pytest.raises(Invalid):
        decide(case.pk, Decision(CaseAction.BOOK_TRANSFER, "so", D(1)), by(desk))


def test_a_case_that_is_not_there(db):
    with pytest.raises(NotFound):
        decide(10**9, Decision(CaseAction.NOTE, "so"), OPERATOR)


def test_the_trail_names_who_decided_what(desk, found):
    (case,) = found(money("5"))
    decide(case.pk, Decision(CaseAction.BOOK_TRANSFER, "deposit"), by(desk))

    entry = AuditEntry.objects.get(action="case_decided")
    assert (entry.user_name, entry.object_id, entry.comment) == (
        desk.user.username, str(case.pk), "deposit"
    )  # fmt: skip
    assert entry.after["facts"]["amount"] == "5"


# --- positions that cannot be closed ---


@pytest.fixture
def delisted(desk, venue):
    """A position of ``qty`` whose market the exchange trades no more; returns its case."""

    def delisted(qty: str = "2") -> Case:
        position = desk.bought(qty)
        venue.prices[LINEAR] = D(100)
        venue.change_market(LINEAR, active=False)
        look(desk)
        return Case.objects.open().get(position=position)

    return delisted


def look(desk) -> None:
    """A round of comparing that finds markets gone, or back."""
    gone = gone_markets(desk.account.pk)
    note_comparison(desk.account.pk, [Finding.MARKET_GONE], gone, tick={})


def test_a_written_off_position_is_on_record(desk, delisted):
    case = delisted()
    stop = desk.give("position_change", position_id=case.position_id, stop_loss="50")

    row = decide(case.pk, Decision(CaseAction.WRITE_OFF, "delisted", D(40)), by(desk))

    position = desk.fresh(case.position)
    deal = desk.deals()[-1]
    assert (row["state"], row["resolution"]) == ("resolved", "decided")
    assert (position.state, position.qty, position.profit) == ("closed", 0, D(-120))
    assert (deal.kind, deal.price, deal.profit, deal.reason) == (
        "correction", D(40), D(-120), "correction"
    )  # fmt: skip
    assert deal.comment == "Written off: delisted"
    assert position.protection is None
    entry = AuditEntry.objects.get(action="case_decided")
    assert (entry.after["action"], entry.after["price"]) == ("write_off", "40")
    assert entry.comment == "delisted"
    assert stop.status == "completed"
    assert differences(desk) == []


def test_a_market_that_is_back_ends_the_case(desk, delisted, venue):
    case = delisted()

    venue.change_market(LINEAR, active=True)
    look(desk)

    case = desk.fresh(case)
    assert (case.state, case.resolution) == ("resolved", "gone")
    with pytest.raises(Conflict):
        decide(case.pk, Decision(CaseAction.WRITE_OFF, "late"), by(desk))


def test_a_restricted_key_sees_the_case_of_its_own_position(desk, venue):
    own = desk.strategy().pk
    desk.bought("1", strategy_id=own)
    venue.change_market(LINEAR, active=False)
    look(desk)

    seen = Case.objects.visible_to(desk.caller_with(strategies=[own]), [desk.account.pk])
    assert [case.kind for case in seen] == ["market_gone"]
    assert not Case.objects.visible_to(desk.caller_with(strategies=[]), [desk.account.pk])


@pytest.mark.parametrize(
    ("role", "rights", "price", "passes"),
    [
        (Role.RISK, {Right.READ, Right.RISK_MANAGE}, None, True),
        (Role.RISK, {Right.READ, Right.RISK_MANAGE}, D(1), True),
        (Role.RISK, {Right.READ, Right.CLOSE_POSITION}, None, False),
        (Role.TRADER, {Right.READ, Right.TRADE, Right.CLOSE_POSITION}, None, False),
        (Role.ADMIN, {Right.READ}, None, True),
    ],
)
def test_writing_off_takes_the_risk_right(desk, delisted, role, rights, price, passes):
    case = delisted()
    caller = desk.caller_with(role, rights=frozenset(rights))
    wish = Decision(CaseAction.WRITE_OFF, "so", price)

    if passes:
        decide(case.pk, wish, Actor.from_caller(caller))
        assert desk.fresh(case.position).state == "closed"
    else:
        with pytest.raises(PermissionDenied):
            decide(case.pk, wish, Actor.from_caller(caller))
        assert desk.fresh(case.position).state == "open"


@pytest.mark.parametrize("action", [CaseAction.WRITE_OFF, CaseAction.ADOPT, CaseAction.GIVE_UP])
def test_what_takes_the_risk_right_takes_it_before_a_case_offers_it(desk, found, action):
    """A comparison may renew the case between the question of rights and the act."""
    (case,) = found(hidden("5"))
    trader = desk.caller_with(Role.TRADER, rights=frozenset({Right.READ, Right.TRADE}))
    assert action not in case.actions

    with pytest.raises(PermissionDenied):
        decide(case.pk, Decision(action, "so"), Actor.from_caller(trader))

    assert desk.fresh(case).state == "open"


def too_small(desk, venue, **close) -> Case:
    """A remainder that the exchange takes no order for; ``close`` rests since before."""
    position = desk.bought("1")
    venue.prices[SPOT] = D(100)
    if close:
        desk.give("close_position", position_id=position.pk, **close)
    venue.change_market(SPOT, min_cost=D(500))
    with holding(desk.account.pk) as lane:
        flag_unclosable(lane, desk.fresh(position), venue.market(desk.account.pk, SPOT), D(100))
    return Case.objects.open().get(position=position)


def test_what_is_too_small_may_be_written_off_by_who_may_close(new_desk, venue):
    desk = new_desk(SPOT)
    case = too_small(desk, venue)
    rights = frozenset({Right.READ, Right.CLOSE_POSITION})
    by_closer = Actor.from_caller(desk.caller_with(rights=rights))
    assert case.actions == [CaseAction.WRITE_OFF, CaseAction.ACKNOWLEDGE, CaseAction.NOTE]
    with pytest.raises(PermissionDenied):
        decide(case.pk, Decision(CaseAction.WRITE_OFF, "mine", D(90)), by_closer)

    row = decide(case.pk, Decision(CaseAction.WRITE_OFF, "crumbs"), by_closer)

    assert (row["resolution"], row["comment"]) == ("decided", "crumbs")
    assert desk.fresh(case.position).unclosable is False
    assert desk.events().count("mismatch_resolved") == 1
    assert differences(desk) == []


def test_nothing_is_written_off_that_an_order_may_still_close(new_desk, venue):
    desk = new_desk(SPOT)
    case = too_small(desk, venue, type="limit", price="200")

    with pytest.raises(PositionCloseInProgress):
        decide(case.pk, Decision(CaseAction.WRITE_OFF, "so"), by(desk))
    assert desk.fresh(case.position).qty == 1


# --- seen, and not asked again ---


def test_an_acknowledged_difference_stays_quiet_while_it_lasts(desk, found):
    (case,) = found(money("25"))
    decide(case.pk, Decision(CaseAction.ACKNOWLEDGE, "known, next month"), by(desk))

    assert found(money("25")) == []
    (other,) = found(money("26"))
    assert other.pk != case.pk
    assert found() == []
    assert desk.fresh(case).resolution == "lapsed"
    assert len(found(money("25"))) == 1


def test_a_sentence_decides_nothing(desk, found):
    """Whoever writes the program's own words still has acknowledged it."""
    (case,) = found(money("25"))
    decide(case.pk, Decision(CaseAction.ACKNOWLEDGE, GONE), by(desk))

    assert found(money("25")) == []
