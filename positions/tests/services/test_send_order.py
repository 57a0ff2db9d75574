"""What ``send_order`` accepts, stores and refuses."""

from decimal import Decimal

import pytest

from accounts.models import Strategy
from accounts.words import Role, StrategyStatus
from oms_project.errors import (
    AccountNotFound,
    AdminReadOnly,
    DuplicateClientOrderId,
    Invalid,
    InvalidPositionId,
    InvalidStrategyId,
    OmsError,
    PermissionDenied,
    PositionCloseInProgress,
    RiskBlocked,
    StrategyPermissionDenied,
)
from positions.engine.types import OrderStatus, OrderType, Side
from positions.models import Command, Instruction, Order
from positions.tests.fakes import SPOT

HEDGE = {"position_mode": "hedge"}


@pytest.mark.parametrize("mode", ["netting", "strategy_netting", "hedge"])
@pytest.mark.parametrize("price", [None, "99.5"])
def test_an_order_is_stored_with_all_that_is_needed_to_send_it(new_desk, mode, price):
    desk = new_desk(position_mode=mode)
    options = {"price": price, "time_in_force": "IOC"} if price else {}

    order = desk.send("sell", "0.25", **options, comment="why", client_order_id="mine-1")

    assert (order.status, order.side, order.qty) == ("PENDING_SUBMIT", "sell", Decimal("0.25"))
    assert order.order_type == ("limit" if price else "market")
    assert order.price == (Decimal(price) if price else None)
    assert (order.comment, order.client_order_id) == ("why", "mine-1")
    assert (order.reason, order.position, order.closes_position) == ("trader", None, False)
    (create,) = desk.instructions(order)
    assert (create.kind, create.state, create.urgent) == ("create", "pending", False)
    assert create.exchange_order.client_order_id == order.exchange_client_order_id
    assert order.command.status == "accepted"
    assert order.command.order_ids == [order.pk]
    assert desk.events() == ["order_accepted"]


def test_the_worker_is_woken_after_the_commit(desk, venue, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        desk.send()

    assert venue.woken == [desk.account.pk]


def test_the_risk_desk_sees_price_side_and_whether_it_reduces(desk, risk, venue):
    venue.prices[desk.symbol] = Decimal(101)

    desk.send("buy", "2")

    (intent,) = risk.asked
    assert (intent.side, intent.qty, intent.price) == (Side.BUY, Decimal(2), Decimal(101))
    assert intent.reduces is False


REFUSED = {
    "below the minimum": ({"qty": "0.0001"}, "qty", "0.001"),
    "between two steps": ({"qty": "1.0005"}, "qty", "0.001"),
    "above the maximum": ({"qty": "2000000"}, "qty", "1000000"),
    "price between two steps": ({"price": "100.001"}, "price", "0.01"),
    "price above the maximum": ({"price": "2000000"}, "price", "1000000"),
    "price below the minimum": ({"price": "0.001"}, "price", "0.01"),
    "value below the minimum": ({"qty": "0.01", "price": "100"}, "qty", "5"),
    "value above the maximum": ({"qty": "1000000", "price": "1000000"}, "qty", "100000000"),
    "limit without price": ({"type": "limit"}, "price", "required"),
    "market with price": ({"type": "market", "price": "100"}, "price", None),
    "market that rests": ({"time_in_force": "GTC"}, "time_in_force", ["IOC"]),
    "expired already": (
        {"price": "100", "time_in_force": "GTD", "expires_at": "2020-01-01T00:00:00Z"},
        "expires_at",
        ...,
    ),
    "no such symbol": ({"symbol": "XYZ/USDT"}, "symbol", ...),
}


@pytest.mark.parametrize(("payload", "field", "limit"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_names_field_and_limit_and_stores_nothing(desk, payload, field, limit):
    with pytest.raises(OmsError) as refusal:
        desk.send(**payload)

    details = refusal.value.body("")["details"]
    assert refusal.value.code == "validation_error"
    assert details["field"] == field
    assert limit is ... or details["limit"] == limit
    assert not Command.objects.exists()
    assert not Order.objects.exists()
    assert desk.events() == []


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"active": False}, "symbol"),
        ({"order_types": frozenset({OrderType.LIMIT})}, "order_type"),
        ({"buys_money": True}, "order_type"),
        ({"min_market_amount": Decimal(2)}, "qty"),
        ({"max_market_amount": Decimal("0.5")}, "qty"),
    ],
)
def test_the_market_decides_what_it_takes(desk, venue, facts, field):
    venue.change_market(desk.symbol, **facts)

    with pytest.raises(Invalid) as refusal:
        desk.send()

    assert refusal.value.details["field"] == field


def test_a_sell_at_market_is_taken_where_a_buy_takes_money(desk, venue):
    desk.bought("2")
    venue.change_market(desk.symbol, buys_money=True)

    assert desk.send("sell", "1").is_open


def test_a_trigger_that_may_only_reduce_opens_nothing(desk, venue):
    venue.add_types(desk.symbol, OrderType.STOP)
    venue.change_market(desk.symbol, triggers_reduce=True)
    with pytest.raises(Invalid) as refusal:
        desk.send(type="stop", trigger_price="120")
    desk.bought("2")

    closing = desk.send("sell", "1", type="stop", trigger_price="80", reduce_only=True)

    assert (refusal.value.details["field"], refusal.value.details["limit"]) == (
        "order_type",
        "reduce_only",
    )
    assert closing.is_open


def test_significant_digits_bound_a_price_where_the_exchange_counts_so(desk, venue):
    venue.change_market(desk.symbol, price_step=None, price_digits=3)

    desk.send(price="123000")
    with pytest.raises(Invalid) as refusal:
        desk.send(price="1234")

    assert refusal.value.details["limit"] == 3


def test_a_market_order_is_valued_at_the_last_price(desk, venue):
    venue.prices[desk.symbol] = Decimal(100)

    with pytest.raises(Invalid) as refusal:
        desk.send(qty="0.01")

    assert refusal.value.details["limit"] == 5


def test_the_risk_desk_can_refuse(desk, risk):
    risk.refuses = True

    with pytest.raises(RiskBlocked):
        desk.send()

    assert not Order.objects.exists()


def test_a_blocked_account_takes_no_orders(desk):
    desk.account.status = "blocked"
    desk.account.save()

    with pytest.raises(RiskBlocked):
        desk.send()


def test_a_two_way_exchange_account_takes_no_orders_for_derivatives(desk, venue):
    venue.is_two_way = True

    with pytest.raises(Invalid) as refusal:
        desk.send()

    assert refusal.value.details["exchange_position_mode"] == "two_way"
    assert Order.objects.count() == 0
    assert desk.send(symbol=SPOT).status == OrderStatus.PENDING_SUBMIT


def test_the_callers_own_id_is_unique_among_live_orders(desk):
    first = desk.send(client_order_id="mine")

    with pytest.raises(DuplicateClientOrderId) as refusal:
        desk.send(client_order_id="mine")
    desk.give("cancel_order", order_id=first.pk)
    again = desk.send(client_order_id="mine")

    assert refusal.value.details["order_id"] == first.pk
    assert again.pk != first.pk


# --- strategies and rights ---


def test_an_order_belongs_to_its_strategy(desk):
    strategy = desk.strategy()

    order = desk.send(strategy_id=strategy.pk)

    assert order.strategy_id == strategy.pk


@pytest.mark.parametrize("trouble", ["unknown", "inactive", "not linked"])
def test_a_strategy_must_be_active_and_linked(desk, trouble):
    strategy = desk.strategy()
    if trouble == "inactive":
        Strategy.objects.filter(pk=strategy.pk).update(status=StrategyStatus.DISABLED)
    if trouble == "not linked":
        strategy.accounts.clear()
    strategy_id = 999 if trouble == "unknown" else strategy.pk

    with pytest.raises(InvalidStrategyId):
        desk.send(strategy_id=strategy_id)


def test_a_restricted_key_sends_for_its_own_strategies_only(desk):
    own, foreign = desk.strategy(), desk.strategy()
    robot = desk.caller_with(Role.ROBOT, strategies=[own.pk])

    sent = desk.send(strategy_id=own.pk, caller=robot)
    for strategy_id in (0, foreign.pk):
        with pytest.raises(StrategyPermissionDenied):
            desk.send(strategy_id=strategy_id, caller=robot)

    assert (sent.strategy_id, sent.reason) == (own.pk, "robot")


@pytest.mark.parametrize(
    ("role", "error"),
    [(Role.ADMIN, AdminReadOnly), (Role.RISK, PermissionDenied), (Role.READONLY, PermissionDenied)],
)
def test_who_may_not_trade_sends_nothing(desk, role, error):
    with pytest.raises(error):
        desk.send(caller=desk.caller_with(role))

    assert not Instruction.objects.exists()


def test_an_admin_is_told_the_same_about_every_account(desk, new_desk):
    admin = new_desk(role=Role.ADMIN).caller

    with pytest.raises(AdminReadOnly):
        desk.send(caller=admin)


def test_someone_elses_account_does_not_exist(desk, new_desk):
    with pytest.raises(AccountNotFound):
        desk.send(caller=new_desk().caller)


# --- positions named ---


def test_in_hedge_the_other_side_of_a_named_position_closes_it(new_desk):
    desk = new_desk(**HEDGE)
    position = desk.bought("2")

    order = desk.send("sell", "2", position_id=position.pk)
    with pytest.raises(PositionCloseInProgress):
        desk.send("sell", "1", position_id=position.pk)

    assert order.closes_position
    assert order.position_id == position.pk
    assert desk.instructions(order)[0].urgent


@pytest.mark.parametrize(("side", "qty", "field"), [("buy", "1", "side"), ("sell", "2.001", "qty")])
def test_in_hedge_a_named_position_can_only_be_closed(new_desk, side, qty, field):
    desk = new_desk(**HEDGE)
    position = desk.bought("2")

    with pytest.raises(OmsError) as refusal:
        desk.send(side, qty, position_id=position.pk)

    assert refusal.value.code == "validation_error"
    assert refusal.value.details["field"] == field


def test_in_hedge_closing_by_name_is_a_reduction_for_the_risk_desk(new_desk, risk):
    desk = new_desk(**HEDGE)
    position = desk.bought("2")

    desk.send("sell", "1", position_id=position.pk)

    assert risk.asked[-1].reduces


def test_in_hedge_a_restricted_key_cannot_close_a_foreign_position(new_desk):
    desk = new_desk(**HEDGE)
    own, foreign = desk.strategy(), desk.strategy()
    position = desk.bought("2", strategy_id=foreign.pk)
    robot = desk.caller_with(Role.ROBOT, strategies=[own.pk])

    with pytest.raises(InvalidPositionId):
        desk.send("sell", "1", position_id=position.pk, strategy_id=own.pk, caller=robot)


@pytest.mark.parametrize("mode", ["netting", "strategy_netting"])
def test_in_netting_only_the_current_position_can_be_named(new_desk, mode):
    desk = new_desk(position_mode=mode)
    position = desk.bought("2")

    order = desk.send("sell", "5", position_id=position.pk)
    with pytest.raises(InvalidPositionId):
        desk.send("sell", "1", position_id=position.pk + 1)

    assert order.position_id == position.pk
    assert not order.reduce_only


# --- reduce only ---


def test_reduce_only_is_verified_against_our_own_position(desk):
    desk.bought("2")

    order = desk.send("sell", "2", reduce_only=True)

    assert order.reduce_only
    assert desk.leg(order).reduce_only


@pytest.mark.parametrize(
    ("side", "qty", "code"),
    [("sell", "3", "validation_error"), ("buy", "1", "validation_error")],
)
def test_reduce_only_never_opens(desk, side, qty, code):
    desk.bought("2")

    with pytest.raises(OmsError) as refusal:
        desk.send(side, qty, reduce_only=True)

    assert refusal.value.code == code


def test_reduce_only_without_a_position_is_refused(desk):
    with pytest.raises(OmsError) as refusal:
        desk.send("sell", "1", reduce_only=True)

    assert refusal.value.details["field"] == "reduce_only"


def test_two_reduce_only_orders_share_the_free_volume(desk):
    desk.bought("2")
    desk.send("sell", "1.5", reduce_only=True)

    with pytest.raises(PositionCloseInProgress) as refusal:
        desk.send("sell", "1", reduce_only=True)

    assert refusal.value.details["limit"] == Decimal("0.5")


def test_the_exchange_is_not_told_reduce_only_where_its_net_is_smaller(new_desk):
    desk = new_desk(position_mode="strategy_netting")
    one, other = desk.strategy(), desk.strategy()
    desk.filled("buy", "2", strategy_id=one.pk)
    desk.filled("sell", "1.5", strategy_id=other.pk)

    order = desk.send("sell", "2", strategy_id=one.pk, reduce_only=True)

    assert order.reduce_only
    assert not desk.leg(order).reduce_only


def test_a_close_of_a_derivative_may_be_worth_less_than_the_minimum(desk):
    desk.bought("0.06")

    order = desk.send("sell", "0.01", price="100", reduce_only=True)

    assert order.qty == Decimal("0.01")


# --- spot ---


def test_spot_sells_what_is_held_and_no_more(new_desk):
    desk = new_desk(SPOT)
    desk.bought("1")
    desk.send("sell", "0.4", price="200")

    with pytest.raises(OmsError) as refusal:
        desk.send("sell", "0.7")
    order = desk.send("sell", "0.6")

    assert refusal.value.code == "validation_error"
    assert refusal.value.details["limit"] == Decimal("0.6")
    assert order.status == OrderStatus.PENDING_SUBMIT


def test_spot_counts_an_unknown_sell_in_full(new_desk):
    from positions import projector

    desk = new_desk(SPOT)
    desk.bought("1")
    desk.send("sell", "1")
    claim = desk.claim_one()
    projector.mark_unknown(claim.instruction.pk, claim.fence)

    with pytest.raises(OmsError) as refusal:
        desk.send("sell", "0.1")

    assert refusal.value.details["limit"] == 0


def test_what_is_held_is_summed_to_the_last_digit(new_desk, venue):
    """38 digits in two rows: the default decimal context would keep 28."""
    desk = new_desk(SPOT)
    step = Decimal("0.000000000000000001")
    venue.change_market(
        SPOT, amount_step=step, min_amount=step, max_amount=None, max_cost=None, min_cost=None
    )
    most = "12345678901234567890.123456789012345678"
    desk.bought(most, "0.01")

    order = desk.send("sell", most)
    with pytest.raises(OmsError):
        desk.send("sell", "0.000000000000000001")

    assert order.qty == Decimal(most)


def test_without_a_position_nothing_is_sold_on_spot(new_desk):
    desk = new_desk(SPOT)

    with pytest.raises(OmsError) as refusal:
        desk.send("sell", "1")

    assert refusal.value.details["currency"] == "BTC"
