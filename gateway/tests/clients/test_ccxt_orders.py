"""ccxt's order functions as commands, and our orders in ccxt's shape."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.clients.ccxt_orders import bodies, order_structure
from gateway.clients.functions import FUNCTIONS
from oms_project.errors import Invalid, OrderNotFound
from positions import ports, rows
from positions.engine.types import OrderStatus, OrderType, Side, TimeInForce
from positions.forms.commands import FORMS
from positions.models import Order
from positions.tests.desk import Desk
from positions.tests.fakes import LINEAR

AT = datetime(2026, 1, 31, 12, 0, 0, 123999, UTC)


@pytest.fixture
def desk(settings, db) -> Desk:
    settings.OMS_EXCHANGE_PORT = "positions.tests.fakes.FakeExchange"
    settings.OMS_RISK_PORT = "positions.tests.fakes.FakeRisk"
    settings.EXCHANGE_IDS = "accounts.tests.builders.exchange_ids"
    settings.CREDENTIALS_KEYS = ["a key for tests"]
    ports.exchange.cache_clear()
    ports.risk_gate.cache_clear()
    yield Desk()
    ports.exchange.cache_clear()
    ports.risk_gate.cache_clear()


def body(name: str, *args, account_id: int = 7, visible=None, **kwargs) -> dict:
    """The one command of a call."""
    function = FUNCTIONS[name]
    (found,) = bodies(account_id, function, function.read(list(args), kwargs), visible)
    return found


@pytest.mark.parametrize(
    ("name", "args", "payload"),
    [
        ("createOrder", ["BTC/USDT", "limit", "buy", 1, "20"],
         {"type": "limit", "side": "buy", "amount": "1", "price": "20"}),
        ("createOrder", ["BTC/USDT", "market", "sell", "0.10", "20"],
         {"type": "market", "side": "sell", "amount": "0.1"}),
        ("createLimitOrder", ["BTC/USDT", "buy", 1, "20"],
         {"type": "limit", "side": "buy", "amount": "1", "price": "20"}),
        ("createMarketOrder", ["BTC/USDT", "buy", 1],
         {"type": "market", "side": "buy", "amount": "1"}),
        ("createLimitBuyOrder", ["BTC/USDT", 1, "20"],
         {"type": "limit", "side": "buy", "amount": "1", "price": "20"}),
        ("createLimitSellOrder", ["BTC/USDT", 1, "20"],
         {"type": "limit", "side": "sell", "amount": "1", "price": "20"}),
        ("createMarketBuyOrder", ["BTC/USDT", 1],
         {"type": "market", "side": "buy", "amount": "1"}),
        ("createMarketSellOrder", ["BTC/USDT", 1],
         {"type": "market", "side": "sell", "amount": "1"}),
        ("createPostOnlyOrder", ["BTC/USDT", "limit", "buy", 1, "20"],
         {"type": "limit", "side": "buy", "amount": "1", "price": "20", "post_only": True}),
        ("createReduceOnlyOrder", ["BTC/USDT", "market", "sell", 1],
         {"type": "market", "side": "sell", "amount": "1", "reduce_only": True}),
        ("createStopOrder", ["BTC/USDT", "market", "sell", 1, None, "9"],
         {"type": "stop", "side": "sell", "amount": "1", "trigger_price": "9"}),
        ("createTriggerOrder", ["BTC/USDT", "limit", "sell", 1, "8", "9"],
         {"type": "stop_limit", "side": "sell", "amount": "1", "price": "8",
          "trigger_price": "9"}),
        ("createStopLimitOrder", ["BTC/USDT", "sell", 1, "8", "9"],
         {"type": "stop_limit", "side": "sell", "amount": "1", "price": "8",
          "trigger_price": "9"}),
        ("createStopMarketOrder", ["BTC/USDT", "sell", 1, "9"],
         {"type": "stop", "side": "sell", "amount": "1", "trigger_price": "9"}),
        ("createStopLossOrder", ["BTC/USDT", "market", "sell", 1, None, "9"],
         {"type": "stop", "side": "sell", "amount": "1", "trigger_price": "9"}),
        ("createTakeProfitOrder", ["BTC/USDT", "limit", "sell", 1, "11", "12"],
         {"type": "take_profit_limit", "side": "sell", "amount": "1", "price": "11",
          "trigger_price": "12"}),
        ("createTrailingAmountOrder", ["BTC/USDT", "market", "sell", 1, None, "50"],
         {"type": "trailing_stop", "side": "sell", "amount": "1", "trailing_amount": "50"}),
        ("createTrailingPercentOrder", ["BTC/USDT", "market", "sell", 1, None, "1.5", "90"],
         {"type": "trailing_stop", "side": "sell", "amount": "1", "trailing_percent": "1.5",
          "params": {"trailingTriggerPrice": "90"}}),
    ],
)  # fmt: skip
def test_every_create_function_is_a_send_order(name, args, payload):
    found = body(name, *args)

    assert found == {
        "account_id": 7,
        "command": "send_order",
        "payload": {"symbol": "BTC/USDT", **payload},
    }


def test_extras_become_fields_of_the_command():
    params = {
        "clientOrderId": "mine", "timeInForce": "IOC", "reduceOnly": True, "strategy_id": 3,
        "position_id": 0, "comment": "why", "request_id": "r-1", "workingType": "MARK_PRICE",
    }  # fmt: skip

    found = body("createOrder", "BTC/USDT", "limit", "buy", 1, "20", params)

    assert found["request_id"] == "r-1"
    assert found["payload"] == {
        "symbol": "BTC/USDT", "type": "limit", "side": "buy", "amount": "1", "price": "20",
        "client_order_id": "mine", "time_in_force": "IOC", "reduce_only": True, "strategy_id": 3,
        "position_id": 0, "comment": "why", "params": {"workingType": "MARK_PRICE"},
    }  # fmt: skip
    aliases = {form.alias for form in FORMS["send_order"].values()}
    assert set(found["payload"]) <= {*FORMS["send_order"], *aliases}


def test_two_triggers_are_one_too_many():
    with pytest.raises(Invalid) as refusal:
        body("createOrder", "BTC/USDT", "market", "buy", 1,
             params={"stopLossPrice": 9, "takeProfitPrice": 12})  # fmt: skip

    assert refusal.value.details["field"] == "takeProfitPrice"


def test_several_orders_are_several_commands_and_the_wrong_one_is_named():
    one = {"symbol": "BTC/USDT", "type": "limit", "side": "buy", "amount": 1, "price": 20}
    function = FUNCTIONS["createOrders"]

    found = bodies(7, function, function.read([[one, one | {"amount": 2}]], {}), None)

    assert [each["payload"]["amount"] for each in found] == ["1", "2"]
    with pytest.raises(Invalid) as refusal:
        bodies(7, function, function.read([[one, one | {"amount": 0}]], {}), None)
    assert refusal.value.details["field"] == "orders.1.amount"


def test_an_order_is_named_by_the_exchanges_id_by_ours_or_by_its_owners(desk):
    order = desk.rest(client_order_id="mine")
    account_id = desk.account.pk

    named = [
        body("cancelOrder", order.exchange_order_id, LINEAR, account_id=account_id),
        body("cancelOrder", f"oms:{order.pk}", account_id=account_id),
        body("cancelOrder", params={"clientOrderId": "mine"}, account_id=account_id),
    ]

    assert [each["payload"] for each in named] == [{"order_id": order.pk}] * 3


@pytest.mark.parametrize(
    "order_id", ["404", "oms:404", "oms:", "oms:x", "oms:1e3", "oms:" + "9" * 30]
)
def test_an_order_that_is_not_ours_is_not_found(desk, order_id):
    with pytest.raises(OrderNotFound):
        body("cancelOrder", order_id, account_id=desk.account.pk)


def test_another_accounts_order_and_another_strategys_are_not_found(desk):
    order = desk.rest()

    with pytest.raises(OrderNotFound):
        body("cancelOrder", f"oms:{order.pk}", account_id=desk.account.pk + 1)
    with pytest.raises(OrderNotFound):
        body("editOrder", f"oms:{order.pk}", LINEAR, "market",
             account_id=desk.account.pk, visible=frozenset({5}))  # fmt: skip


def test_an_edit_is_a_change_and_cannot_turn_an_order_around(desk):
    order = desk.rest(price="100")
    call = ("editOrder", order.exchange_order_id, LINEAR, "limit")

    found = body(*call, "buy", 2, "99", account_id=desk.account.pk)

    assert (found["command"], found["payload"]) == (
        "change_order",
        {"order_id": order.pk, "new_qty": "2", "new_price": "99"},
    )
    with pytest.raises(Invalid) as refusal:
        body(*call, "sell", 2, "99", account_id=desk.account.pk)
    assert refusal.value.details["field"] == "side"


def test_cancel_all_and_cancel_some_are_one_command_each(desk):
    one, two = desk.rest(), desk.rest()
    ids = [one.exchange_order_id, f"oms:{two.pk}"]

    some = body("cancelOrders", ids, account_id=desk.account.pk)
    everything = body("cancelAllOrders", LINEAR)

    assert (some["command"], some["payload"]) == ("cancel_order", {"order_ids": [one.pk, two.pk]})
    assert (everything["command"], everything["payload"]) == (
        "cancel_all_orders",
        {"symbol": LINEAR},
    )


def test_the_exchanges_id_of_two_symbols_needs_the_symbol(desk):
    one = desk.rest()
    other = desk.rest()
    leg = desk.leg(other)
    leg.symbol, leg.exchange_order_id = "ETH/USDT:USDT", one.exchange_order_id
    leg.save()
    Order.objects.filter(pk=other.pk).update(symbol="ETH/USDT:USDT")

    with pytest.raises(Invalid) as refusal:
        body("cancelOrder", one.exchange_order_id, account_id=desk.account.pk)

    assert refusal.value.details["field"] == "symbol"
    found = body("cancelOrder", one.exchange_order_id, LINEAR, account_id=desk.account.pk)
    assert found["payload"] == {"order_id": one.pk}


def order(**facts) -> dict:
    """One of our rows."""
    known = {
        "pk": 12, "account_id": 7, "symbol": "BTC/USDT", "side": Side.BUY,
        "order_type": OrderType.LIMIT, "time_in_force": TimeInForce.PO,
        "status": OrderStatus.PARTIALLY_FILLED, "exchange_client_order_id": "ours",
        "exchange_order_id": "55", "qty": Decimal("1.50"), "price": Decimal("20"),
        "filled_qty": Decimal("0.5"), "avg_fill_price": Decimal("19.5"), "fee": Decimal("0.01"),
        "fee_currency": "BTC", "fees_by_currency": {"BTC": "0.01"},
        "created_at": AT, "updated_at": AT,
    }  # fmt: skip
    return rows.order_row(Order(**known | facts))


def test_an_order_has_ccxts_shape():
    row = order(client_order_id="mine")

    shown = order_structure(row)

    assert shown == {
        "id": "55", "clientOrderId": "mine", "symbol": "BTC/USDT", "type": "limit", "side": "buy",
        "timestamp": 1769860800123, "datetime": "2026-01-31T12:00:00.123Z",
        "lastTradeTimestamp": None, "lastUpdateTimestamp": 1769860800123,
        "timeInForce": "PO", "postOnly": True, "reduceOnly": False, "price": "20",
        "triggerPrice": None, "amount": "1.5", "filled": "0.5", "remaining": "1",
        "average": "19.5", "cost": "9.75", "status": "open",
        "fee": {"currency": "BTC", "cost": "0.01"}, "fees": [{"currency": "BTC", "cost": "0.01"}],
        "trades": [], "info": row,
    }  # fmt: skip


def test_fees_in_two_currencies_are_listed():
    shown = order_structure(order(fees_by_currency={"BTC": "0.01", "BNB": "0.2"}))

    assert shown["fee"] is None
    assert shown["fees"] == [
        {"currency": "BTC", "cost": "0.01"}, {"currency": "BNB", "cost": "0.2"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (OrderStatus.PENDING_SUBMIT, None),
        (OrderStatus.SENDING, None),
        (OrderStatus.UNKNOWN, None),
        (OrderStatus.SUBMITTED, "open"),
        (OrderStatus.PARTIALLY_FILLED, "open"),
        (OrderStatus.FILLED, "closed"),
        (OrderStatus.CANCELED, "canceled"),
        (OrderStatus.REJECTED, "rejected"),
        (OrderStatus.EXPIRED, "expired"),
    ],
)
def test_a_status_that_the_exchange_has_not_said_is_null(status, word):
    assert order_structure(order(status=status))["status"] == word


def test_an_order_without_an_id_at_the_exchange_is_called_by_ours():
    shown = order_structure(order(exchange_order_id=None, client_order_id=None))

    assert (shown["id"], shown["clientOrderId"]) == ("oms:12", "ours")


@pytest.mark.parametrize("order_type", list(OrderType))
def test_every_type_of_order_has_a_word_of_ccxt(order_type):
    shown = order_structure(order(order_type=order_type))

    assert shown["type"] in ("market", "limit")


def test_contracts_have_no_cost_here():
    assert order_structure(order(symbol=LINEAR))["cost"] is None
