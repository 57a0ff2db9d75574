"""Is an order found again whose exchange keeps no id of ours, and never taken for another?

Against a paper venue on a real socket; what was seen of its class says that it keeps none.
"""

from time import sleep

import pytest

from accounts.audit import OPERATOR
from gateway import loop
from gateway.exchanges import seen
from gateway.sending import recover
from gateway.tests.strangers.trader import BOTH, D, Trader
from positions import projector
from positions.engine.types import CaseAction
from positions.models import Case, Order
from positions.services.decide_case import Decision, decide
from positions.tests.ledger.checking import differences

pytestmark = pytest.mark.django_db(transaction=True)
OVER_S = 6.0  # The deadline, the receive window and the margin of clocks.


@pytest.fixture(autouse=True)
def _keeps_no_ids(settings, monkeypatch):
    settings.OMS_SEND_DEADLINE_S = 1.0
    settings.OMS_RECV_WINDOW_MS = 1000
    for name in ("binance", "binanceusdm"):
        row = seen.classes()[name]
        kinds = {
            kind: row[kind] | {"client_id": "dropped", "find": "no"}
            for kind in row
            if kind != "login"
        }
        monkeypatch.setitem(seen.classes(), name, row | kinds)


def in_doubt(trader: Trader, qty: str = "0.01", price: str = "30000") -> Order:
    """An order on the wire, to which no answer came."""
    order = trader.desk.send("buy", qty, price=price)
    claim = trader.desk.claim_one()
    projector.mark_unknown(claim.instruction.pk, claim.instruction.fence)
    return order


def look_up(order: Order) -> Order:
    loop.call(recover.look_up(order.pk), 30)
    order.refresh_from_db()
    return order


@BOTH
def test_the_one_equal_order_is_it_once_no_other_can_come(paper, where):
    trader = Trader(paper, where)
    trader.begin()
    order = in_doubt(trader)
    placed = trader.strange(price="30000")

    assert look_up(order).status == "UNKNOWN"
    sleep(OVER_S)

    assert look_up(order).status == "SUBMITTED"
    assert order.exchange_order_id == placed["id"]
    trader.bring_in()
    assert trader.externals() == []


@BOTH
def test_one_that_was_imported_and_filled_before_is_taken_over(paper, where):
    trader = Trader(paper, where)
    trader.begin()
    order = in_doubt(trader, price="61000")
    trader.strange(price="61000")
    trader.bring_in()
    assert [external.filled_qty for external in trader.externals()] == [D("0.01")]
    sleep(OVER_S)

    look_up(order)

    assert (order.status, order.filled_qty) == ("FILLED", D("0.01"))
    assert [deal.order_id for deal in trader.desk.deals()] == [order.pk]
    assert [row.is_external for row in trader.desk.positions()] == [False]
    assert differences(trader.desk) == []


@BOTH
def test_of_two_a_person_says_which(paper, where):
    trader = Trader(paper, where)
    trader.begin()
    order = in_doubt(trader)
    placed = [trader.strange(price="30000")["id"] for _ in range(2)]
    sleep(OVER_S)
    look_up(order)
    case = Case.objects.get(order=order)
    told = [one["exchange_order_id"] for one in case.facts["candidates"]]

    wish = Decision(CaseAction.ADOPT, "by its time", exchange_order_id=placed[1])
    decide(case.pk, wish, OPERATOR)

    order.refresh_from_db()
    assert sorted(told) == sorted(placed)
    assert (order.status, order.exchange_order_id) == ("SUBMITTED", placed[1])
    trader.bring_in()
    assert [external.exchange_order_id for external in trader.externals()] == [placed[0]]


@BOTH
def test_what_is_nowhere_is_never_presumed(paper, where, settings):
    settings.OMS_NOT_FOUND_WINDOW_S = 0
    trader = Trader(paper, where)
    trader.begin()
    order = in_doubt(trader)
    sleep(OVER_S)

    assert look_up(order).status == "UNKNOWN"

    decide(Case.objects.get(order=order).pk, Decision(CaseAction.GIVE_UP, "not there"), OPERATOR)
    order.refresh_from_db()
    assert (order.status, order.note) == ("REJECTED", "Given up by manage.py: not there")
