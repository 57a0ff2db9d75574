"""What is ccxt told about an order?"""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.sending import calls
from gateway.sessions.call import Call
from oms_project.errors import Invalid
from positions.engine.types import OrderType, Side, TimeInForce
from positions.ids import new_exchange_client_order_id
from positions.models import ExchangeOrder, Order

PERPETUAL, SPOT = "BTC/USDT:USDT", "BTC/USDT"


def order(**values) -> Order:
    """An order row that is not stored."""
    fields = {"symbol": SPOT, "side": Side.BUY, "order_type": OrderType.LIMIT, "params": {}}
    return Order(**fields | values)


def leg(**values) -> ExchangeOrder:
    """Its order at the exchange."""
    fields = {"client_order_id": "aB3", "qty": Decimal("0.00000010"), "price": Decimal("20000.50")}
    return ExchangeOrder(**fields | values)


def created(one: Order, of: ExchangeOrder | None = None, *, exchange_id="ccxt.binanceusdm",
            is_spot=False) -> Call:  # fmt: skip
    return calls.create(one, of or leg(), exchange_id=exchange_id, is_spot=is_spot)


def test_numbers_go_as_exact_plain_text():
    assert created(order()).args == (SPOT, "limit", "buy", "0.0000001", "20000.5")


def test_a_market_order_has_no_price_and_no_time_in_force():
    call = created(order(order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC))

    assert call.args == (SPOT, "market", "buy", "0.0000001", None)
    assert call.params == {"clientOrderId": "aB3"}


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        (None, {}),
        (TimeInForce.GTC, {}),
        (TimeInForce.IOC, {"timeInForce": "IOC"}),
        (TimeInForce.FOK, {"timeInForce": "FOK"}),
        (TimeInForce.PO, {"postOnly": True}),
        (TimeInForce.GTD, {"timeInForce": "GTD", "goodTillDate": 1893456000000}),
    ],
)
def test_time_in_force(word, wanted):
    one = order(time_in_force=word, expires_at=datetime(2030, 1, 1, tzinfo=UTC))

    assert created(one).params == {"clientOrderId": "aB3"} | wanted


def test_good_till_date_is_refused_where_it_is_not_known():
    one = order(time_in_force=TimeInForce.GTD, expires_at=datetime(2030, 1, 1, tzinfo=UTC))

    with pytest.raises(Invalid):
        created(one, exchange_id="ccxt.kraken", is_spot=True)


@pytest.mark.parametrize(
    ("of_order", "of_leg", "is_spot", "said"),
    [
        (True, True, False, True),
        (True, False, False, False),  # The exchange's net is smaller: the OMS alone guards it.
        (True, True, True, False),
    ],
)
def test_reduce_only_is_said_on_derivatives_where_the_net_allows_it(
    of_order, of_leg, is_spot, said
):
    one, there = order(reduce_only=of_order), leg()
    there.reduce_only = of_leg

    call = calls.create(one, there, exchange_id="ccxt.binanceusdm", is_spot=is_spot)

    assert call.params.get("reduceOnly", False) is said


@pytest.mark.parametrize(
    ("kind", "ccxt_type", "params"),
    [
        (OrderType.STOP, "market", {"stopLossPrice": "19000"}),
        (OrderType.STOP_LIMIT, "limit", {"stopLossPrice": "19000"}),
        (OrderType.TAKE_PROFIT, "market", {"takeProfitPrice": "19000"}),
        (OrderType.TAKE_PROFIT_LIMIT, "limit", {"takeProfitPrice": "19000"}),
    ],
)
def test_triggers_where_the_exchange_knows_kinds(kind, ccxt_type, params):
    call = created(order(order_type=kind), leg(trigger_price=Decimal("19000.00")))

    assert call.args[1] == ccxt_type
    assert call.params == {"clientOrderId": "aB3"} | params


@pytest.mark.parametrize(
    ("kind", "side", "direction"),
    [
        (OrderType.STOP, Side.BUY, "ascending"),
        (OrderType.STOP, Side.SELL, "descending"),
        (OrderType.TAKE_PROFIT, Side.BUY, "descending"),
        (OrderType.TAKE_PROFIT, Side.SELL, "ascending"),
    ],
)
def test_triggers_where_the_exchange_knows_directions(kind, side, direction):
    one = order(order_type=kind, side=side)

    call = created(one, leg(trigger_price=Decimal(19000)), exchange_id="ccxt.bybit")

    assert call.params["triggerPrice"] == "19000"
    assert call.params["triggerDirection"] == direction


def test_a_trailing_distance_keeps_its_meaning():
    one = order(order_type=OrderType.TRAILING_STOP, trailing={"percent": "1.5"})
    other = order(order_type=OrderType.TRAILING_STOP, trailing={"amount": "20"})

    assert created(one).params == {"clientOrderId": "aB3", "trailingPercent": "1.5"}
    assert created(other, exchange_id="ccxt.bingx").params["trailingAmount"] == "20"


def test_on_spot_a_trailing_stop_says_what_it_is_where_that_must_be_said():
    one = order(order_type=OrderType.TRAILING_STOP, trailing={"percent": "1.5"})

    call = created(one, exchange_id="ccxt.binance", is_spot=True)

    assert call.params["stopLossOrTakeProfit"] == "stopLoss"


@pytest.mark.parametrize(
    "name",
    ["maxRetriesOnFailure", "newClientOrderId", "clientOrderId", "recvWindow", "timestamp", "test",
     "type", "portfolioMargin", "proxyUrl", "headers", "quoteOrderQty", "reduceOnly"],
)  # fmt: skip
def test_a_users_parameter_that_is_not_listed_is_refused(name):
    with pytest.raises(Invalid) as refusal:
        created(order(params={name: "1"}))

    assert refusal.value.details["field"] == f"params.{name}"


def test_a_cancel_names_the_exchanges_id_and_ours_only_without_it():
    known, unknown = leg(exchange_order_id="7"), leg()
    where = {"exchange_id": "ccxt.binance", "is_spot": True}

    assert calls.cancel(order(), known, **where) == Call("cancel_order", ("7", SPOT), {})
    assert calls.cancel(order(), unknown, **where).params == {"clientOrderId": "aB3"}


def test_a_cancel_by_our_id_is_refused_where_the_exchange_has_none():
    with pytest.raises(Invalid):
        calls.cancel(order(), leg(), exchange_id="ccxt.bybit", is_spot=True)


def test_a_resting_trigger_of_a_contract_is_cancelled_among_the_triggers():
    one, there = order(order_type=OrderType.STOP, symbol=PERPETUAL), leg(trigger_price=Decimal(90))
    where = {"exchange_id": "ccxt.binanceusdm", "is_spot": False}

    by_ours = calls.cancel(one, there, **where)
    there.conditional_order_id = "7"
    by_theirs = calls.cancel(one, there, **where)

    assert by_ours.params == {"trigger": True, "clientOrderId": "aB3"}
    assert (by_theirs.args, by_theirs.params) == (("7", PERPETUAL), {"trigger": True})


@pytest.mark.parametrize(
    ("exchange_id", "is_spot", "known"),
    [
        ("ccxt.binanceusdm", False, {"conditional_order_id": "7"}),  # It has triggered.
        ("ccxt.binanceusdm", False, {"trigger_price": None}),  # What goes on with one that had.
        ("ccxt.binance", True, {}),
        ("ccxt.kraken", True, {}),
    ],
)
def test_elsewhere_what_triggered_or_will_is_cancelled_among_the_orders(
    exchange_id, is_spot, known
):
    one = order(order_type=OrderType.STOP_LIMIT)
    there = leg(**{"exchange_order_id": "8", "trigger_price": Decimal(90)} | known)

    call = calls.cancel(one, there, exchange_id=exchange_id, is_spot=is_spot)

    assert (call.args, call.params) == (("8", SPOT), {})


def test_an_edit_gives_the_new_total_and_keeps_the_order():
    call = calls.edit(
        order(symbol=PERPETUAL),
        leg(exchange_order_id="7"),
        exchange_id="ccxt.binanceusdm",
        is_spot=False,
        qty=Decimal("0.020"),
        price=Decimal(21000),
    )

    assert call.args == ("7", PERPETUAL, "limit", "buy", "0.02", "21000")


@pytest.mark.parametrize(
    ("values", "exchange_id", "is_spot"),
    [
        ({}, "ccxt.binance", True),
        ({}, "ccxt.kraken", True),
        ({"order_type": OrderType.STOP}, "ccxt.binanceusdm", False),
    ],
)
def test_elsewhere_an_order_is_not_edited_in_place(values, exchange_id, is_spot):
    one, of = order(**values), leg(exchange_order_id="7")
    where = {"exchange_id": exchange_id, "is_spot": is_spot}

    assert not calls.edits_in_place(one, of, **where)
    with pytest.raises(Invalid):
        calls.edit(one, of, qty=Decimal(1), price=None, **where)


def test_our_ids_are_short_plain_and_never_start_with_t():
    ids = {new_exchange_client_order_id() for _ in range(2000)}

    assert len(ids) == 2000
    assert all(len(one) == 18 and one.isalnum() and one.isascii() for one in ids)
    assert all(one[0].isalpha() and one[0] not in "tT" for one in ids)


@pytest.mark.parametrize(
    ("exchange_id", "trigger_by", "params", "told"),
    [
        ("ccxt.binanceusdm", "last", {}, None),
        ("ccxt.binanceusdm", "mark", {}, "MARK_PRICE"),
        ("ccxt.binanceusdm", "mark", {"workingType": "MARK_PRICE"}, "MARK_PRICE"),
        ("ccxt.binanceusdm", "last", {"workingType": "CONTRACT_PRICE"}, "CONTRACT_PRICE"),
    ],
)
def test_a_trigger_names_the_price_that_it_waits_for(exchange_id, trigger_by, params, told):
    one = order(order_type=OrderType.STOP, trigger_by=trigger_by, params=params)
    of = leg(trigger_price=Decimal(19000))

    assert created(one, of, exchange_id=exchange_id).params.get("workingType") == told


@pytest.mark.parametrize(
    ("exchange_id", "values", "field"),
    [
        ("ccxt.bitfinex", {"order_type": OrderType.STOP}, "order_type"),
        ("ccxt.krakenfutures", {"time_in_force": TimeInForce.IOC}, "time_in_force"),
        ("ccxt.blofin", {"time_in_force": TimeInForce.FOK}, "time_in_force"),
        ("ccxt.phemex", {"time_in_force": TimeInForce.PO}, "time_in_force"),
        ("ccxt.krakenfutures", {"order_type": OrderType.STOP}, "order_type"),  # It would reduce.
        ("ccxt.luno", {"order_type": OrderType.MARKET}, "order_type"),  # It would spend money.
        (
            "ccxt.binanceusdm",
            {"order_type": OrderType.TRAILING_STOP, "trailing": {"amount": "20"}},
            "trailing_amount",
        ),
    ],
)
def test_what_the_class_would_leave_out_is_not_sent(exchange_id, values, field):
    spot = exchange_id == "ccxt.luno"
    one = order(symbol=SPOT if spot else PERPETUAL, **values)
    there = leg(trigger_price=Decimal(19000))

    with pytest.raises(Invalid) as refusal:
        calls.create(one, there, exchange_id=exchange_id, is_spot=spot)

    assert refusal.value.details["field"] == field


def test_a_trigger_that_reduces_is_sent_where_triggers_only_reduce():
    there = leg(trigger_price=Decimal(19000), reduce_only=True)
    one = order(symbol=PERPETUAL, order_type=OrderType.STOP, side=Side.SELL)

    assert created(one, there, exchange_id="ccxt.krakenfutures").params["reduceOnly"] is True


def test_a_market_sell_is_sent_where_a_market_buy_takes_money():
    one = order(order_type=OrderType.MARKET, side=Side.SELL)

    assert created(one, exchange_id="ccxt.luno", is_spot=True).args[2] == "sell"
