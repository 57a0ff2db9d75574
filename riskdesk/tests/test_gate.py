"""What the gate lets pass on the database: limits of accounts, strategies and keys; halts."""

from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Account
from accounts.rights.permissions import Caller
from accounts.tests import builders
from accounts.words import AccountStatus
from oms_project.errors import Invalid, RiskBlocked
from positions import projector
from positions.engine.types import PositionMode, Side
from positions.models import Order
from positions.ports import Intent, Waiting, risk_gate
from positions.tests.fakes import INVERSE, MARKETS
from riskdesk.models import Control
from riskdesk.services import allow_new_positions
from riskdesk.tests.acting import WHY, halt, kill, limit
from riskdesk.words import KillScope, Scope

HEDGE = {"position_mode": "hedge"}


def refused(act, *args, **kwargs) -> dict:
    """The facts of a refusal by the gate."""
    with pytest.raises(RiskBlocked) as caught:
        act(*args, **kwargs)
    return caught.value.details


def test_everything_passes_until_something_is_set(desk):
    desk.send()

    assert Order.objects.count() == 1


def test_a_refusal_names_the_limit_and_stores_nothing(desk, by):
    limit(desk, by, max_order_qty=Decimal(2))

    facts = refused(desk.send, qty="3")

    assert facts == {
        "field": "qty",
        "rule": "max_order_qty",
        "scope": "account",
        "id": desk.account.pk,
        "limit": Decimal(2),
        "value": Decimal(3),
    }
    assert Order.objects.count() == 0


@pytest.mark.parametrize("status", ["waiting", "UNKNOWN"])
def test_an_order_that_is_not_final_counts_in_full(desk, by, status):
    limit(desk, by, max_net_qty=Decimal(3))
    desk.send(qty="2")
    if status == "UNKNOWN":
        claim = desk.claim_one()
        projector.mark_unknown(claim.instruction.pk, claim.fence)

    facts = refused(desk.send, qty="2")

    assert (facts["rule"], facts["value"]) == ("max_net_qty", 4)


def test_what_is_filled_counts_once(desk, by):
    limit(desk, by, max_net_qty=Decimal(3))
    desk.filled("buy", "2")

    desk.send(qty="1")

    assert refused(desk.send, qty="0.001")["value"] == Decimal("3.001")


def test_a_close_is_never_refused_by_a_limit(desk, by):
    position = desk.bought("5")
    limit(desk, by, max_order_qty=Decimal(1), max_open_orders=0, symbols=[])

    close = desk.close(position)
    desk.report(close, None)

    assert close.qty == 5


def test_a_plain_order_that_can_only_close_passes_the_limits(desk, by):
    desk.bought("5")
    limit(desk, by, max_order_qty=Decimal(1))

    desk.send("sell", "5")

    assert refused(desk.send, "sell", "2")["rule"] == "max_order_qty"


def test_a_strategy_has_its_own_limits_and_its_own_exposure(desk, by):
    own, other = desk.strategy(), desk.strategy()
    limit(desk, by, Scope.STRATEGY, own.pk, max_net_qty=Decimal(2))
    desk.filled("buy", "9", strategy_id=other.pk)

    desk.send(qty="2", strategy_id=own.pk)
    facts = refused(desk.send, qty="1", strategy_id=own.pk)

    assert (facts["scope"], facts["id"], facts["value"]) == ("strategy", own.pk, 3)
    assert desk.send(qty="9", strategy_id=other.pk)


def test_a_key_has_its_own_limits(desk, by):
    key = builders.key(desk.user, desk.account).row
    caller = Caller(desk.user.pk, desk.user.username, desk.caller.role, key.pk, desk.caller.rights)
    limit(desk, by, Scope.KEY, key.pk, max_open_orders=1)
    order = {"symbol": desk.symbol, "side": "buy", "type": "market", "qty": "1"}
    desk.send()
    desk.give("send_order", caller=caller, **order)

    facts = refused(desk.give, "send_order", caller=caller, **order)

    assert (facts["rule"], facts["scope"], facts["id"]) == ("max_open_orders", "key", key.pk)
    assert desk.send()


def test_a_change_is_judged_without_the_order_it_replaces(desk, by):
    resting = desk.rest(qty="2")
    limit(desk, by, max_net_qty=Decimal(3))

    desk.give("change_order", order_id=resting.pk, new_qty="3")

    assert desk.instructions(resting)


def test_a_change_beyond_the_limit_is_refused(desk, by):
    resting = desk.rest(qty="2")
    limit(desk, by, max_net_qty=Decimal(3))

    facts = refused(desk.give, "change_order", order_id=resting.pk, new_qty="3.5")

    assert (facts["rule"], facts["value"]) == ("max_net_qty", Decimal("3.5"))


@pytest.mark.parametrize("edits", [True, False])
def test_a_change_that_is_under_way_counts_with_its_new_quantity(desk, by, venue, edits):
    venue.change_market(desk.symbol, edits_in_place=edits)
    resting = desk.rest(qty="1")
    limit(desk, by, max_net_qty=Decimal(3))
    desk.give("change_order", order_id=resting.pk, new_qty="3")

    assert refused(desk.send, qty="1")["value"] == 4


def test_values_add_up_over_symbols_of_one_quote_currency(desk, by, venue):
    venue.prices = {desk.symbol: Decimal(100), "BTC/USDT": Decimal(50)}
    desk.filled("buy", "2", "100", symbol="BTC/USDT")
    desk.send(symbol=INVERSE, qty="9")
    limit(desk, by, max_net_notional=Decimal(250))

    desk.send(qty="1")
    facts = refused(desk.send, qty="1")

    assert (facts["rule"], facts["value"]) == ("max_net_notional", 300)


def test_todays_loss_stops_openings_and_not_closes(desk, by):
    kept = desk.filled("buy", "1", "100").position
    limit(desk, by, max_daily_loss=Decimal(10))
    desk.fill(desk.send("sell", "0.5"), "0.5", "70", executed_at=timezone.now())

    facts = refused(desk.send, qty="1")
    desk.close(kept)

    assert (facts["rule"], facts["value"]) == ("max_daily_loss", 15)


def test_the_same_order_twice_is_refused_for_a_moment(desk, by):
    limit(desk, by, repeat_within_s=60)
    desk.send(qty="1", price="100")

    facts = refused(desk.send, qty="1", price="100")

    assert facts["rule"] == "repeat_within_s"
    assert desk.send(qty="1", price="101")


def test_orders_in_an_interval_are_counted(desk, by):
    limit(desk, by, max_orders=2, orders_interval_s=60)
    desk.send()
    desk.send()

    assert refused(desk.send)["value"] == 3


# --- halts ------------------------------------------------------------------------------------


def scopes(desk):
    strategy = desk.strategy()
    return strategy, {
        Scope.ACCOUNT: (None, ""),
        Scope.STRATEGY: (Scope.STRATEGY, strategy.pk),
        Scope.SYMBOL: (Scope.SYMBOL, desk.symbol),
    }


@pytest.mark.parametrize("scope", [Scope.ACCOUNT, Scope.STRATEGY, Scope.SYMBOL])
@pytest.mark.parametrize("state", ["reduce_only", "halted"])
def test_a_halt_lets_nothing_open(desk, by, scope, state):
    strategy, named = scopes(desk)
    halt(desk, by, state, *named[scope])

    facts = refused(desk.send, strategy_id=strategy.pk)
    halt(desk, by, "active", *named[scope])

    assert (facts["rule"], facts["scope"], facts["value"]) == ("halt", scope, state)
    assert desk.send(strategy_id=strategy.pk)


def test_reduce_only_orders_pass_reduce_only_and_not_halted(desk, by):
    position = desk.bought("3")
    halt(desk, by, "reduce_only")
    desk.send("sell", "1", reduce_only=True)
    halt(desk, by, "halted")

    facts = refused(desk.send, "sell", "1", reduce_only=True)
    close = desk.close(position)

    assert facts["value"] == "halted"
    assert close.qty == 2


def test_cancels_pass_whatever_is_halted(desk, by):
    resting = desk.rest()
    halt(desk, by)
    kill(by, KillScope.ALL)

    desk.give("cancel_order", order_id=resting.pk)

    assert "cancel" in {each.kind for each in desk.instructions(resting)}


def test_blocked_openings_of_a_strategy_are_no_others(desk, by):
    strategy = desk.strategy()
    allow_new_positions(
        account_id=desk.account.pk, strategy_id=strategy.pk, allowed=False, comment=WHY, by=by
    )

    facts = refused(desk.send, strategy_id=strategy.pk)

    assert (facts["rule"], facts["id"]) == ("allow_new_positions", strategy.pk)
    assert desk.send()


def test_a_block_that_came_while_the_market_was_looked_up_counts(desk, venue):
    def block():
        Account.objects.update(status=AccountStatus.BLOCKED)

    venue.meanwhile = block

    assert refused(desk.send)["value"] == "blocked"


def test_a_waiting_order_of_a_halted_symbol_is_rejected_not_sent(desk, by):
    waiting = desk.send()
    halt(desk, by, "reduce_only", Scope.SYMBOL, desk.symbol)

    order = desk.fresh(waiting)

    assert (order.status, order.reject_code) == ("REJECTED", "risk_blocked")
    assert desk.claim() == []


# --- queries ----------------------------------------------------------------------------------


def test_the_gate_costs_two_queries_while_nothing_is_set(desk, django_assert_num_queries):
    intent = _intent(desk)

    with django_assert_num_queries(2):
        risk_gate().check(intent)


def test_the_gate_costs_eight_queries_however_much_is_open(
    desk, by, venue, django_assert_num_queries
):
    venue.prices[desk.symbol] = Decimal(100)
    for _ in range(3):
        desk.filled("buy", "1")
        desk.rest(price="99")
    strategy = desk.strategy()
    every = {"max_net_notional": Decimal(10**6), "max_daily_turnover": Decimal(10**9)}
    every |= {"max_orders": 100, "orders_interval_s": 60, "repeat_within_s": 1}
    limit(desk, by, **every)
    limit(desk, by, Scope.STRATEGY, strategy.pk, max_daily_loss=Decimal(1000))

    with django_assert_num_queries(8):
        risk_gate().check(_intent(desk, strategy_id=strategy.pk))


def test_a_claims_question_costs_three_queries_however_many_wait(desk, django_assert_num_queries):
    waiting = [Waiting(number, 0, 1, None, desk.symbol) for number in range(50)]

    with django_assert_num_queries(3):
        assert risk_gate().stopped(desk.account.pk, waiting) == {}


def _intent(desk, **facts):
    known = {
        "account_id": desk.account.pk,
        "strategy_id": 0,
        "user_id": desk.user.pk,
        "api_key_id": None,
        "market": MARKETS[desk.symbol].engine_market,
        "side": Side.BUY,
        "qty": Decimal("0.5"),
        "limit_price": None,
        "price": Decimal(100),
        "last_price": Decimal(100),
        "reduces": False,
        "position_mode": PositionMode(desk.account.position_mode),
    }
    return Intent(**known | facts)


def test_a_symbol_is_halted_by_the_exchanges_own_id_too(desk, by, venue):
    venue.change_market(desk.symbol, market_id="BTCUSDT")

    halt(desk, by, scope=Scope.SYMBOL, name="BTCUSDT")

    with pytest.raises(RiskBlocked):
        desk.send("buy")


def test_a_halt_of_a_symbol_that_nobody_has_is_refused_and_named(desk, by):
    with pytest.raises(Invalid) as refusal:
        halt(desk, by, scope=Scope.SYMBOL, name="BTCUSD_PERP")

    assert (refusal.value.details["field"], refusal.value.details["value"]) == ("id", "BTCUSD_PERP")
    assert not Control.objects.exists()
