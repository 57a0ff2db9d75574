"""Closing a position, or part of it."""

from decimal import Decimal

import pytest

from accounts.words import Role
from oms_project.errors import (
    Invalid,
    InvalidStrategyId,
    OmsError,
    PermissionDenied,
    PositionCloseInProgress,
    PositionNotFound,
)
from positions import projector
from positions.engine.types import OrderStatus
from positions.models import Dust, Order
from positions.tests.fakes import LINEAR, SPOT

D = Decimal
MODES = ["netting", "strategy_netting", "hedge"]


def close(desk, position, **payload):
    return desk.give("close_position", position_id=position.pk, **payload)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("side", "other"), [("buy", "sell"), ("sell", "buy")])
def test_a_close_takes_all_that_is_free(new_desk, mode, side, other):
    desk = new_desk(position_mode=mode)
    position = desk.filled(side, "2").position

    order = desk.close(position)
    state = desk.fresh(position).state
    desk.fill(order, "2", "110")
    after = desk.fresh(position)

    assert (order.side, order.qty, order.reduce_only) == (other, D(2), True)
    assert (order.asks_for_all, order.closes_position) == (True, True)
    assert state == "close_requested"
    assert (after.state, after.qty) == ("closed", 0)
    assert after.profit == (20 if side == "buy" else -20)
    assert desk.positions() == []


def test_a_two_way_exchange_account_takes_no_closes_either(desk, venue):
    position = desk.bought("1")
    venue.is_two_way = True

    with pytest.raises(Invalid) as refusal:
        close(desk, position)

    assert refusal.value.details["exchange_position_mode"] == "two_way"


@pytest.mark.parametrize("mode", MODES)
def test_a_part_can_be_closed(new_desk, mode):
    desk = new_desk(position_mode=mode)
    position = desk.bought("2")

    order = desk.close(position, qty="0.5")
    desk.fill(order, "0.5", "110")
    after = desk.fresh(position)

    assert (after.qty, after.state, after.profit) == (D("1.5"), "open", 5)


def test_the_second_close_takes_what_the_first_left(desk):
    position = desk.bought("2")
    desk.close(position, qty="0.5", type="limit", price="120")

    rest = desk.close(position)
    with pytest.raises(PositionCloseInProgress):
        close(desk, position)

    assert rest.qty == D("1.5")


def test_above_the_volume_and_above_what_is_free_are_two_errors(desk):
    position = desk.bought("2")
    desk.close(position, qty="0.5", type="limit", price="120")

    with pytest.raises(OmsError) as above_volume:
        close(desk, position, qty="2.5")
    with pytest.raises(PositionCloseInProgress) as above_free:
        close(desk, position, qty="1.6")

    assert above_volume.value.code == "validation_error"
    assert above_volume.value.details["limit"] == 2
    assert above_free.value.details["limit"] == D("1.5")


def test_an_unknown_close_keeps_its_volume_reserved(desk):
    from positions import projector

    position = desk.bought("2")
    desk.close(position)
    claim = desk.claim_one()
    projector.mark_unknown(claim.instruction.pk, claim.fence)

    with pytest.raises(PositionCloseInProgress):
        close(desk, position, qty="1")

    assert desk.fresh(position).state == "close_requested"


def test_a_close_that_ended_frees_its_volume_again(desk):
    position = desk.bought("2")
    order = desk.close(position, type="limit", price="120")

    desk.give("cancel_order", order_id=order.pk)

    assert desk.fresh(position).state == "open"
    assert desk.close(position).qty == 2


def test_of_two_closes_the_last_to_end_opens_the_position_again(desk):
    position = desk.bought("2")
    one = desk.close(position, qty="1", type="limit", price="120")
    other = desk.close(position, qty="1", type="limit", price="120")

    desk.give("cancel_order", order_id=one.pk)
    between = desk.fresh(position).state
    desk.give("cancel_order", order_id=other.pk)

    assert (between, desk.fresh(position).state) == ("close_requested", "open")


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"type": "limit"}, "price"),
        ({"type": "market", "price": "100"}, "price"),
        ({"qty": "0.0005"}, "qty"),
        ({"qty": "1.0005"}, "qty"),
    ],
)
def test_a_close_passes_the_markets_checks(desk, payload, field):
    position = desk.bought("2")

    with pytest.raises(Invalid) as refusal:
        close(desk, position, **payload)

    assert refusal.value.details["field"] == field
    assert desk.fresh(position).state == "open"


def test_the_strategy_must_be_the_positions(desk):
    strategy = desk.strategy()
    position = desk.bought("1", strategy_id=strategy.pk)

    with pytest.raises(InvalidStrategyId):
        close(desk, position, strategy_id=0)
    order = desk.close(position, strategy_id=strategy.pk)

    assert order.strategy_id == strategy.pk


def test_a_closed_position_cannot_be_closed(desk):
    position = desk.bought("1")
    desk.fill(desk.close(position), "1")

    with pytest.raises(Invalid) as refusal:
        close(desk, position)

    assert refusal.value.details["value"] == "closed"


def test_a_blocked_account_can_still_be_closed(desk):
    position = desk.bought("1")
    desk.account.status = "blocked"
    desk.account.save()

    order = desk.close(position)

    assert order.status == "PENDING_SUBMIT"


def test_the_risk_desk_closes_with_a_comment_and_never_opens(desk):
    position = desk.bought("1")
    officer = desk.caller_with(Role.RISK)

    with pytest.raises(PermissionDenied):
        desk.send(caller=officer)
    with pytest.raises(Invalid) as silent:
        close(desk, position, caller=officer, comment=" ")
    order = desk.close(position, caller=officer, comment="limit breached")

    assert silent.value.details["field"] == "comment"
    assert (order.reason, order.comment) == ("risk", "limit breached")


def test_a_restricted_key_does_not_see_foreign_positions(desk):
    own, foreign = desk.strategy(), desk.strategy()
    position = desk.bought("1", strategy_id=foreign.pk)
    robot = desk.caller_with(Role.ROBOT, strategies=[own.pk])

    with pytest.raises(PositionNotFound):
        close(desk, position, caller=robot)


def test_someone_elses_position_does_not_exist(desk, new_desk):
    position = new_desk().bought("1")

    with pytest.raises(PositionNotFound):
        close(desk, position)


# --- spot and dust ---


def test_spot_closes_what_the_fee_left(new_desk):
    desk = new_desk(SPOT)
    order = desk.fill(desk.send("buy", "1"), "1", fee="0.0005", fee_currency="BTC")
    position = order.position

    close_order = desk.close(position)
    desk.fill(close_order, "0.999", "110")
    after = desk.fresh(position)

    assert position.qty == D("0.9995")
    assert close_order.qty == D("0.999")
    assert (after.state, after.qty) == ("closed", 0)
    assert Dust.objects.get(account=desk.account, currency="BTC").qty == D("0.0005")
    correction = desk.deals()[-1]
    assert (correction.kind, correction.qty, correction.profit) == ("correction", D("0.0005"), 0)


def test_a_partial_close_leaves_no_dust_behind(new_desk):
    desk = new_desk(SPOT)
    order = desk.fill(desk.send("buy", "1"), "1", fee="0.0005", fee_currency="BTC")

    close_order = desk.close(order.position, qty="0.999")
    desk.fill(close_order, "0.999", "110")
    after = desk.fresh(order.position)

    assert (after.state, after.qty) == ("open", D("0.0005"))


def test_a_position_below_the_minimum_goes_to_dust_at_once(new_desk):
    desk = new_desk(SPOT)
    order = desk.fill(desk.send("buy", "1"), "1", fee="0.0005", fee_currency="BTC")
    desk.fill(desk.close(order.position, qty="0.999"), "0.999", "110")
    orders = Order.objects.count()

    command = close(desk, order.position)

    assert (command.status, command.order_ids) == ("completed", [])
    assert command.position_ids == [order.position_id]
    assert desk.fresh(order.position).state == "closed"
    assert Order.objects.count() == orders
    assert desk.events()[-2:] == ["deal_created", "position_closed"]


def test_what_is_worth_too_little_stays_open_and_is_flagged_once(new_desk, venue):
    desk = new_desk(SPOT)
    venue.change_market(SPOT, amount_step=D("0.1"), min_amount=D("0.1"), min_cost=D(5))
    order = desk.fill(desk.send("buy", "1"), "1", "10", fee="0.01", fee_currency="BTC")
    first = desk.close(order.position)
    desk.fill(first, "0.4", "10")
    desk.report(first, OrderStatus.CANCELED, "0.4")
    venue.change_market(SPOT, amount_step=D("0.01"), min_amount=D("0.01"))
    position = desk.fresh(order.position)

    second = desk.close(position, type="limit", price="10")
    venue.change_market(SPOT, amount_step=D("0.001"), min_amount=D("0.001"))
    Order.objects.filter(pk=second.pk).update(qty="0.5")
    second.exchange_orders.update(qty="0.5")
    desk.fill(second, "0.5", "10")
    after = desk.fresh(position)

    assert position.qty == D("0.59")
    assert (after.qty, after.state, after.unclosable) == (D("0.09"), "open", True)


def test_a_position_that_grows_again_can_be_closed_again(new_desk):
    desk = new_desk(SPOT)
    position = desk.bought("1")
    type(position).objects.filter(pk=position.pk).update(unclosable=True)

    desk.bought("1")

    assert desk.fresh(position).unclosable is False


def test_spot_closes_no_more_than_is_held(new_desk):
    """Another strategy's sell has taken part of the coins."""
    desk = new_desk(SPOT, position_mode="strategy_netting")
    one, other = desk.strategy(), desk.strategy()
    position = desk.bought("1", strategy_id=one.pk)
    desk.filled("sell", "0.4", strategy_id=other.pk)

    order = desk.close(position)

    assert order.qty == D("0.6")


# --- a close in doubt given again ---------------------------------------------------------------


def in_doubt(desk, qty="1", **payload):
    """A position whose close of everything the exchange did not answer for."""
    position = desk.bought(qty, **payload)
    desk.close(position)
    (claim,) = desk.claim()
    projector.mark_unknown(claim.instruction.pk, claim.fence)
    return desk.fresh(position)


def test_a_close_in_doubt_keeps_its_volume(desk):
    position = in_doubt(desk)

    with pytest.raises(PositionCloseInProgress):
        close(desk, position)


def by_risk(desk, position, **payload):
    """A close by the risk desk, which manages risk and gives its reason."""
    payload = {"caller": desk.caller_with(Role.RISK), "comment": "It never came."} | payload
    return Order.objects.get(pk=close(desk, position, **payload).order_ids[0])


def test_the_risk_desk_closes_again_where_the_exchange_caps_it(desk):
    position = in_doubt(desk)

    order = by_risk(desk, position)

    assert order.qty == 1
    assert desk.leg(order).reduce_only


def test_where_nothing_caps_it_only_an_override_with_a_comment_closes_again(new_desk):
    desk = new_desk(position_mode="strategy_netting")
    position = in_doubt(desk)
    desk.filled("sell", "0.5", strategy_id=desk.strategy().pk)

    with pytest.raises(PositionCloseInProgress):
        by_risk(desk, position)
    with pytest.raises(Invalid):
        by_risk(desk, position, override_unknown=True, comment=" ")
    order = by_risk(desk, position, override_unknown=True)

    assert order.qty == 1
    assert not desk.leg(order).reduce_only


def test_on_spot_a_close_in_doubt_needs_the_override(new_desk):
    desk = new_desk(SPOT)
    position = in_doubt(desk)

    with pytest.raises(PositionCloseInProgress):
        by_risk(desk, position)
    order = by_risk(desk, position, override_unknown=True)

    assert order.qty == 1


def test_an_override_needs_the_right_to_manage_risk(desk):
    position = in_doubt(desk)

    with pytest.raises(PermissionDenied):
        close(desk, position, override_unknown=True, comment="Please.")


def test_an_override_never_closes_more_than_the_volume(desk):
    position = in_doubt(desk)

    with pytest.raises(Invalid):
        by_risk(desk, position, qty="1.5", override_unknown=True)


def test_what_another_close_leaves_free_is_no_dust(desk, venue):
    venue.change_market(LINEAR, amount_step=D("0.0001"))
    position = desk.bought("1.1089")
    venue.change_market(LINEAR, amount_step=D("0.001"))
    desk.close(position, qty="1.108", type="limit", price="200")

    with pytest.raises(PositionCloseInProgress):
        desk.give("close_position", position_id=position.pk)

    assert desk.fresh(position).qty == D("1.1089")
    assert not Dust.objects.exists()


def test_a_quantity_of_the_whole_position_asks_for_all(desk):
    position = desk.bought("1")
    desk.close(position, qty="0.4", type="limit", price="200")

    rest = desk.close(position, qty="1")

    assert (rest.qty, rest.asks_for_all) == (D("0.6"), True)
