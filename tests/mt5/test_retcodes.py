"""Has every refusal of the OMS a return code, and none that makes a script send again?"""

import pytest

from ccxt_driver import mt5
from ccxt_driver.mt5.trade.retcodes import FILTERS, of_ended, of_problem
from oms_project import errors
from positions.engine.types import MarketFilter
from riskdesk.rules import Limits

SENDS_AGAIN = (mt5.TRADE_RETCODE_REQUOTE, mt5.TRADE_RETCODE_PRICE_OFF)
CODES = sorted(errors._by_code())


def code_of(code, payload=None, **details):
    return of_problem({"code": code, "message": "No.", "details": details}, payload or {}).retcode


@pytest.mark.parametrize("code", CODES)
def test_no_refusal_makes_a_script_send_again(code):
    said = of_problem({"code": code, "message": "No.", "details": {}}, {})

    assert said.retcode not in (*SENDS_AGAIN, mt5.TRADE_RETCODE_DONE, mt5.TRADE_RETCODE_PLACED)
    assert said.comment == "No."


@pytest.mark.parametrize(
    ("code", "retcode", "details"),
    [
        ("validation_error", 10014, {"field": "qty"}),
        ("validation_error", 10019, {"field": "qty", "currency": "BTC"}),
        ("validation_error", 10014, {"field": "new_qty"}),
        ("validation_error", 10015, {"field": "price"}),
        ("validation_error", 10015, {"field": "trigger_price"}),
        ("validation_error", 10016, {"field": "stop_loss"}),
        ("validation_error", 10016, {"field": "stop_gain"}),
        ("validation_error", 10022, {"field": "expires_at"}),
        ("validation_error", 10030, {"field": "time_in_force"}),
        ("validation_error", 10035, {"field": "order_type"}),
        ("validation_error", 10025, {"field": "new_price, new_qty, new_trigger_price"}),
        ("validation_error", 10013, {"field": "symbol"}),
        ("validation_error", 10036, {"field": "position_id"}),
        ("validation_error", 10013, {"field": "position_id", "limit": "an assigned position"}),
        ("position_not_found", 10036, {}),
        ("order_not_found", 10013, {}),
        ("invalid_order_state", 10013, {}),
        ("conflict", 10013, {}),
        ("position_close_in_progress", 10039, {}),
        ("invalid_strategy_id", 10013, {}),
        ("permission_denied", 10017, {}),
        ("strategy_permission_denied", 10017, {}),
        ("risk_blocked", 10026, {"rule": "kill_switch"}),
        ("risk_blocked", 10017, {"rule": "account_status"}),
        ("risk_blocked", 10017, {"field": "account_id"}),
        ("risk_blocked", 10044, {"rule": "allow_new_positions"}),
        ("risk_blocked", 10044, {"rule": "halt", "value": "reduce_only"}),
        ("risk_blocked", 10017, {"rule": "halt", "value": "halted"}),
        ("risk_blocked", 10033, {"rule": "max_open_orders"}),
        ("risk_blocked", 10034, {"rule": "max_net_qty"}),
        ("order_rejected", 10019, {"exception": "InsufficientFunds"}),
        ("order_rejected", 10013, {"exception": "InvalidOrder"}),
        ("order_rejected", 10006, {"exception": "OrderImmediatelyFillable"}),
        ("order_rejected", 10015, {"exception": "BadRequest", "filter": "price"}),
        ("order_rejected", 10014, {"exception": "InvalidOrder", "filter": "value"}),
        ("order_rejected", 10018, {"exception": "BadSymbol", "filter": "status"}),
        ("rate_limited", 10024, {}),
        ("exchange_timeout", 10012, {}),
        ("exchange_error", 10011, {}),
        ("engine_unavailable", 10031, {}),
        ("storage_unavailable", 10012, {}),
    ],
)
def test_a_refusal_has_the_packages_return_code(code, retcode, details):
    assert code_of(code, **details) == retcode


def test_a_stop_that_the_market_has_passed_has_a_wrong_price():
    details = {"exception": "OrderImmediatelyFillable"}

    assert code_of("order_rejected", {"trigger_price": "1"}, **details) == 10015


@pytest.mark.parametrize("word", sorted({*MarketFilter} - {MarketFilter.UNNAMED}))
def test_every_filter_of_an_exchange_has_a_return_code(word):
    assert word in FILTERS


@pytest.mark.parametrize("rule", sorted({*Limits.__dataclass_fields__} - {"orders_interval_s"}))
def test_every_limit_of_the_risk_desk_has_a_return_code(rule):
    found = code_of("risk_blocked", rule=rule)

    assert found in (10015, 10017, 10033, 10034)


@pytest.mark.parametrize(
    ("status", "filled", "retcode"),
    [
        ("FILLED", "2", 10009),
        ("CANCELED", "1", 10010),
        ("EXPIRED", "0", 10007),
        ("REJECTED", "0", 10006),
        ("SUBMITTED", "0", 10009),
        ("PARTIALLY_FILLED", "1", 10009),
        ("SENDING", "0", 10008),
        ("UNKNOWN", "0", 10012),
    ],
)
def test_what_became_of_an_order_is_told(status, filled, retcode):
    ended = "2026-01-31T12:00:00.000000Z" if status in ("FILLED", "CANCELED", "EXPIRED",
                                                        "REJECTED") else None  # fmt: skip
    order = {"status": status, "filled_qty": filled, "qty": "2", "closed_at": ended}

    assert of_ended(order, "2") == retcode
