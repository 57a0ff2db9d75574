"""What flattening nets, closes and names."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from accounts.words import Role
from oms_project.errors import OrderRejected
from positions import ports, projector
from positions.engine.types import OrderStatus
from positions.models import Case, Command, Order
from positions.tests.fakes import SPOT
from riskdesk import selectors, services
from riskdesk.models import Flattening
from riskdesk.tests.acting import WHY, kill
from riskdesk.words import KillScope

CANCELED = OrderStatus.CANCELED


def flatten(desk, by, scope=KillScope.ACCOUNT, target_id=None):
    """Pull with flatten; returns what was done, and how far it is."""
    (stopped,) = kill(by, scope, target_id or desk.account.pk, flatten=True)
    return stopped, stopped.flattening


def carry_on(minutes=0):
    """The worker makes its next pass."""
    if minutes:
        soon = timezone.now() - timedelta(seconds=1)
        Flattening.objects.filter(state="running").update(until=soon)
    ports.risk_gate().carry_on()
    return Flattening.objects.order_by("-id").first()


def test_an_account_whose_pass_breaks_holds_up_no_other(new_desk, by):
    desks = [new_desk(), new_desk()]
    for desk in desks:
        resting = desk.close(desk.bought("1"), type="limit", price="200")
        desk.claim()
        desk.report(resting, OrderStatus.SUBMITTED)
        flatten(desk, by)
        desk.claim()
        desk.report(resting, CANCELED)

    def breaks():
        raise RuntimeError("gone")

    ports.exchange().meanwhile = breaks
    carry_on()

    closed = Order.objects.open().values_list("account_id", flat=True)
    assert [*closed] == [desks[1].account.pk]


def test_a_position_is_closed_at_market_in_the_name_of_the_desk(desk, by):
    position = desk.bought("2")

    _, now = flatten(desk, by)

    close = Order.objects.get(closes_position=True)
    assert (now.state, now.closing, now.left) == ("running", [position.pk], [])
    assert (close.side, close.qty, close.order_type) == ("sell", Decimal(2), "market")
    assert (close.reduce_only, close.reason, close.command.user_id) == (True, "risk", by.user_id)
    assert [claim.instruction.order_id for claim in desk.claim()] == [close.pk]


def test_opposite_positions_are_netted_first(new_desk, by):
    desk = new_desk(position_mode="hedge")
    long, short = desk.bought("3"), desk.filled("sell", "1").position
    other = desk.filled("sell", "0.5").position

    done, now = flatten(desk, by)

    close = Order.objects.get(reduce_only=True)
    assert set(done.netted) == {long.pk, short.pk, other.pk}
    assert now.closing == [long.pk]
    assert (close.position_id, close.qty) == (long.pk, Decimal("1.5"))


def test_what_nets_to_nothing_needs_no_order(new_desk, by):
    desk = new_desk(position_mode="hedge")
    desk.bought("1")
    desk.filled("sell", "1")

    _, now = flatten(desk, by)

    assert (now.state, now.closing, now.left) == ("flat", [], [])
    assert desk.positions() == []


def test_two_strategies_are_netted_where_a_price_is_known(new_desk, by, venue):
    desk = new_desk(position_mode="strategy_netting")
    first, second = desk.strategy(), desk.strategy()
    desk.filled("buy", "1", strategy_id=first.pk)
    desk.filled("sell", "1", strategy_id=second.pk)
    venue.prices[desk.symbol] = Decimal(100)

    done, _ = flatten(desk, by)

    assert len(done.netted) == 2
    assert desk.positions() == []


def test_two_strategies_without_a_price_are_closed_by_orders(new_desk, by):
    desk = new_desk(position_mode="strategy_netting")
    first, second = desk.strategy(), desk.strategy()
    desk.filled("buy", "1", strategy_id=first.pk)
    desk.filled("sell", "1", strategy_id=second.pk)

    done, now = flatten(desk, by)

    assert (done.netted, len(now.closing)) == ((), 2)


def test_a_market_close_under_way_is_waited_for(new_desk, by):
    desk = new_desk(position_mode="hedge")
    closing, other = desk.bought("1"), desk.bought("1")
    desk.close(closing)

    _, now = flatten(desk, by)

    assert (now.closing, now.left) == ([closing.pk, other.pk], [])
    assert Order.objects.filter(position=closing, closes_position=True).count() == 1


def test_resting_closes_are_cancelled_first_and_then_it_is_closed_at_market(desk, by):
    position = desk.bought("1")
    resting = desk.close(position, type="limit", price="200")
    desk.claim()
    desk.report(resting, OrderStatus.SUBMITTED)

    _, now = flatten(desk, by)
    assert (now.state, now.closing) == ("running", [position.pk])
    assert [claim.kind for claim in desk.claim()] == ["cancel"]
    desk.report(resting, CANCELED)
    carry_on()
    market = Order.objects.open().get()
    assert (market.order_type, market.qty) == ("market", 1)
    desk.fill(market, "1")
    now = carry_on()

    assert (now.state, now.closing, now.left) == ("flat", [], [])
    assert desk.positions() == []


def test_what_fills_after_the_pull_is_closed_too(desk, by):
    desk.bought("1")
    late = desk.rest("buy", "2", "90")
    flatten(desk, by)
    desk.claim()
    first = Order.objects.open().get(closes_position=True)
    desk.fill(first, "1")
    assert carry_on().state == "running"  # Its cancel is not answered yet.
    desk.fill(late, "2", "90")
    carry_on()
    desk.fill(Order.objects.open().get(closes_position=True), "2")

    assert carry_on().state == "flat"
    assert desk.positions() == []


def test_nothing_is_sent_twice_however_often_it_is_carried_on(desk, by):
    desk.bought("1")
    flatten(desk, by)
    for _ in range(3):
        carry_on()
    flatten(desk, by)

    assert Order.objects.filter(closes_position=True).count() == 1
    assert Flattening.objects.count() == 1


def test_after_a_refused_close_comes_a_pause(desk, by):
    position = desk.bought("1")
    flatten(desk, by)
    claim = desk.claim_one()
    projector.refuse(claim.instruction.pk, claim.fence, OrderRejected(exception="InvalidOrder"))

    now = carry_on()
    assert now.left == [{"position_id": position.pk, "code": "order_rejected"}]
    Order.objects.filter(closes_position=True).update(closed_at=timezone.now() - timedelta(hours=1))
    carry_on()

    assert Order.objects.filter(closes_position=True).count() == 2


def test_what_is_open_when_its_time_is_up_is_a_case_each(new_desk, by):
    desk = new_desk(position_mode="hedge")
    stranger = desk.external("buy", "1").position
    closing = desk.bought("1")
    flatten(desk, by)

    now = carry_on(minutes=10)

    assert now.state == "left"
    assert {each["position_id"]: each["code"] for each in now.left} == {
        stranger.pk: "validation_error",
        closing.pk: "position_close_in_progress",
    }
    cases = Case.objects.filter(kind="flatten_left", state="open")
    assert {case.position_id for case in cases} == {stranger.pk, closing.pk}

    desk.fill(Order.objects.open().get(), "1")
    assert cases.get().position_id == stranger.pk


def test_a_release_ends_it(desk, by):
    position = desk.bought("1")
    flatten(desk, by)
    services.release(scope=KillScope.ACCOUNT, target_id=desk.account.pk, comment=WHY, by=by)
    claim = desk.claim_one()
    projector.refuse(claim.instruction.pk, claim.fence, OrderRejected())

    now = carry_on()

    assert (now.state, now.left) == ("left", [{"position_id": position.pk, "code": "released"}])
    assert not Order.objects.open().exists()
    assert not Case.objects.exists()


def test_what_there_is_no_time_for_the_worker_does(desk, by):
    desk.bought("1")

    _, stopped = services.pull(
        scope=KillScope.ALL, target_id=None, flatten=True, comment=WHY, by=by, within_s=0
    )
    assert not Order.objects.open().exists()
    now = carry_on()

    assert [each.flattening.state for each in stopped] == ["running"]
    assert now.closing == [desk.positions()[0].pk]


def test_close_bys_that_wait_for_stops_are_waited_for(new_desk, by):
    desk = new_desk(position_mode="hedge")
    long, short = desk.bought("1"), desk.filled("sell", "1").position
    Command.objects.create(
        account=desk.account,
        user=desk.user,
        kind="close_by",
        fingerprint="",
        payload={"position_id_a": long.pk, "position_id_b": short.pk},
        created_at=timezone.now(),
    )

    _, now = flatten(desk, by)

    assert sorted(now.closing) == [long.pk, short.pk]
    assert not Order.objects.open().exists()


def test_a_restricted_key_reads_of_its_own_positions_only(new_desk, by):
    desk = new_desk(position_mode="strategy_netting")
    mine, other = desk.strategy(), desk.strategy()
    own = desk.bought("1", strategy_id=mine.pk)
    desk.bought("1", strategy_id=other.pk)
    flatten(desk, by)
    robot = desk.caller_with(Role.ROBOT, strategies=[mine.pk])

    shown = selectors.risk_of(robot, desk.account)["flatten"]

    assert (shown["state"], shown["closing"]) == ("running", [own.pk])


def test_on_spot_what_is_held_is_sold(new_desk, by):
    desk = new_desk(SPOT)
    desk.bought("1")

    _, now = flatten(desk, by)
    close = Order.objects.get(closes_position=True)
    desk.fill(close, "1")

    assert len(now.closing) == 1
    assert desk.fresh(close).status == OrderStatus.FILLED
    assert desk.positions() == []


def test_of_a_user_only_what_their_orders_opened_is_closed(new_desk, by):
    desk = new_desk(position_mode="hedge")
    own = desk.bought("1")
    other = new_desk()
    caller = desk.caller_with()
    theirs = type(caller)(other.user.pk, "other", caller.role, None, caller.rights)
    order = {"symbol": desk.symbol, "side": "buy", "type": "market", "qty": "1"}
    foreign = desk.give("send_order", caller=theirs, **order)
    desk.fill(Order.objects.get(pk=foreign.order_ids[0]), "1")

    _, now = flatten(desk, by, KillScope.USER, desk.user.pk)

    assert now.closing == [own.pk]


def test_without_being_asked_nothing_is_closed(desk, by):
    desk.bought("1")

    kill(by, KillScope.ALL)

    assert not Command.objects.filter(kind="close_position").exists()
