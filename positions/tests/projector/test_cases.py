"""A difference is a case once, until it is over."""

from decimal import Decimal

import pytest

from positions.engine.types import CaseKind
from positions.models import Case, Event
from positions.outbox import holding
from positions.projector.cases import open_case, resolve_case
from positions.tests.fakes import SPOT


def test_the_same_open_case_is_renewed_and_not_opened_twice(desk):
    with holding(desk.account.pk) as lane:
        first = open_case(lane, CaseKind.UNEXPLAINED, "BTC", facts={"venue": Decimal("1.50")})
        again = open_case(lane, CaseKind.UNEXPLAINED, "BTC", facts={"venue": Decimal(2)})
        other = open_case(lane, CaseKind.UNEXPLAINED, "ETH")

    assert again.pk == first.pk != other.pk
    assert desk.fresh(first).facts == {"venue": "2"}
    assert desk.events() == ["mismatch_opened", "mismatch_opened"]


def test_a_resolved_case_stays_and_the_next_one_is_new(desk):
    with holding(desk.account.pk) as lane:
        first = open_case(lane, CaseKind.DUST, "BTC")
        resolved = resolve_case(lane, CaseKind.DUST, "BTC", comment="swept", owner_id=desk.user.pk)
        nothing = resolve_case(lane, CaseKind.DUST, "BTC")
        second = open_case(lane, CaseKind.DUST, "BTC")

    assert (resolved.pk, resolved.state, resolved.comment) == (first.pk, "resolved", "swept")
    assert (resolved.owner, resolved.resolved_at) == (desk.user, lane.now)
    assert nothing is None
    assert second.pk != first.pk
    assert desk.events() == ["mismatch_opened", "mismatch_resolved", "mismatch_opened"]


def test_a_case_is_told_to_those_who_see_its_strategy(desk):
    strategy = desk.strategy()

    with holding(desk.account.pk) as lane:
        open_case(lane, CaseKind.DUST, "BTC", strategy_id=strategy.pk)

    assert Event.objects.get().strategy_id == strategy.pk


def test_what_a_close_in_hedge_filled_too_much_is_a_case(new_desk):
    desk = new_desk(position_mode="hedge")
    position = desk.bought("2")
    close = desk.close(position)

    desk.report(close, None, trades=[desk.trade(close, "3", "110")])

    case, excess = Case.objects.get(), desk.positions()[0]
    assert (case.kind, case.subject) == ("over_close", f"position {excess.pk}")
    assert (case.position, case.order, case.symbol) == (excess, close, desk.symbol)
    assert case.facts["excess_qty"] == "1"
    assert case.facts["closed_position_id"] == position.pk


@pytest.fixture
def unclosable(new_desk, venue):
    """A spot position that a close of everything left worth less than the market's minimum."""
    desk = new_desk(SPOT)
    position = desk.bought("1.9", "100")
    venue.change_market(SPOT, amount_step=Decimal(1), min_amount=Decimal(1))
    close = desk.close(position, type="limit", price="100")
    venue.change_market(SPOT, amount_step=Decimal("0.1"), min_amount=None, min_cost=Decimal(200))
    desk.fill(close, "1", "100")
    return desk, position


def test_a_remainder_worth_too_little_is_a_case_until_it_is_raised(unclosable):
    desk, position = unclosable
    (opened,) = Case.objects.all()

    desk.bought("1", "100")

    assert (opened.kind, opened.subject) == ("unclosable", f"position {position.pk}")
    assert (opened.facts["qty"], opened.facts["min_notional"]) == ("0.9", "200")
    assert desk.fresh(opened).state == "resolved"
    assert desk.fresh(position).unclosable is False


def test_it_is_over_when_the_position_is_gone(unclosable):
    desk, position = unclosable

    desk.filled("sell", "0.9", "900")

    assert Case.objects.get().state == "resolved"
    assert (desk.fresh(position).state, desk.fresh(position).unclosable) == ("closed", False)
