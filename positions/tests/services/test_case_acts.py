"""Which right an act about a case needs, and what becomes of a position closed elsewhere."""

from decimal import Decimal

import pytest

from accounts.audit import OPERATOR
from accounts.rights.acts import Act
from oms_project.errors import Conflict
from positions import ports
from positions.engine.types import CaseAction, CaseKind, OrderType
from positions.models import Case
from positions.outbox import holding
from positions.services import case_acts
from positions.tests.fakes import LINEAR
from positions.tests.guarded import Guarded
from positions.tests.ledger.checking import differences

D = Decimal


@pytest.fixture
def watched(db):
    """A netting account whose market takes no stop orders: the OMS watches."""
    desk = Guarded()
    types = frozenset({OrderType.MARKET, OrderType.LIMIT})
    ports.exchange().change_market(LINEAR, order_types=types)
    return desk


def test_what_is_too_small_needs_less_than_a_price_or_a_market_that_is_gone():
    small = Case(kind=CaseKind.UNCLOSABLE, action=CaseAction.WRITE_OFF)
    gone = Case(kind=CaseKind.MARKET_GONE, action=CaseAction.WRITE_OFF)

    assert case_acts.act_of(small, CaseAction.WRITE_OFF, price=None) is Act.WRITE_OFF_REST
    assert case_acts.act_of(small, CaseAction.WRITE_OFF, price=D(1)) is Act.WRITE_OFF
    assert case_acts.act_of(gone, CaseAction.WRITE_OFF, price=None) is Act.WRITE_OFF
    assert case_acts.act_of(gone, CaseAction.NOTE, price=None) is Act.DECIDE_CASE


def test_what_was_closed_elsewhere_is_given_to_the_position_and_closes_it(watched):
    position = watched.held()
    watched.external("sell", "1")
    watched.hear("89")
    case = Case.objects.get(kind=CaseKind.CLOSED_ELSEWHERE)

    with holding(watched.account.pk) as lane:
        case_acts.reassign(lane, case, OPERATOR)

    assert (watched.fresh(position).qty, watched.fresh(position).state) == (D(0), "closed")
    assert differences(watched) == []


def test_without_an_order_from_elsewhere_there_is_nothing_to_give(watched):
    position = watched.held()
    case = Case(account=watched.account, position_id=position.pk, symbol=LINEAR)

    with pytest.raises(Conflict), holding(watched.account.pk) as lane:
        case_acts.reassign(lane, case, OPERATOR)
