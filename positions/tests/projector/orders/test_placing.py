"""An order becomes rows that will be sent."""

from positions.engine.types import OrderType, Reason, Side
from positions.models import InstructionState
from positions.outbox import holding
from positions.projector.orders.placing import Decided, place
from positions.tests.desk import Desk
from positions.tests.fakes import SPOT


def decided(desk, **facts):
    return Decided(
        symbol=desk.symbol,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        qty=1,
        price=100,
        strategy_id=0,
        reason=Reason.API,
        **facts,
    )


def placed(desk, **facts):
    with holding(desk.account.pk) as lane:
        return place(lane, decided(desk, **facts))


def test_it_waits_with_one_order_at_the_exchange_and_the_bell_rings_once(
    desk, venue, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True), holding(desk.account.pk) as lane:
        orders = [place(lane, decided(desk)) for _ in range(2)]

    assert [desk.leg(order).qty for order in orders] == [1, 1]
    assert [len(desk.instructions(order)) for order in orders] == [1, 1]
    assert venue.woken == [desk.account.pk]


def test_an_order_that_waits_for_another_is_not_claimed_before_it_ended(db):
    desk = Desk(SPOT)
    first = placed(desk)
    second = placed(desk, after=first)

    claimed = [claim.instruction.order for claim in desk.claim()]
    waiting = desk.claim()

    assert claimed == [first]
    assert waiting == []
    assert desk.instructions(second)[0].state == InstructionState.PENDING


def test_an_order_with_stops_begins_a_group(desk):
    order = placed(desk, stop_loss=90)

    assert (desk.fresh(order).group_id, desk.fresh(order).group_role) == (order.pk, "entry")
