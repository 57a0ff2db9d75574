"""Futures accounts: margin, funding, liquidation; every change of the wallet is explained."""

import time
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

D = Decimal
BTC = {"symbol": "BTCUSDT"}
ORDER = "/fapi/v1/order"


@pytest.fixture
def trader(venue, key):
    """A login with a futures wallet, on the shared venue."""
    yield venue.open_login(f"{key} linear", market="linear", balances={"USDT": "10000"})
    venue.ask("DELETE", "/fapi/v1/allOpenOrders", f"{key} linear", **BTC)


def send(venue, key, side="BUY", kind="MARKET", qty="0.1", **words):
    shape = {"side": side, "type": kind, "quantity": qty, "newOrderRespType": "RESULT"}
    if kind == "LIMIT":
        shape["timeInForce"] = "GTC"
    return venue.ask("POST", ORDER, key, **(BTC | shape | words))


def look(venue, key, order):
    return venue.ask("GET", ORDER, key, **BTC, orderId=order["orderId"]).json()


def account(venue, key):
    return venue.ask("GET", "/fapi/v3/account", key).json()


def wallet(venue, key):
    return D(account(venue, key)["totalWalletBalance"])


def position(venue, key):
    (row,) = venue.ask("GET", "/fapi/v2/positionRisk", key, **BTC).json()
    return D(row["positionAmt"])


def income(venue, key):
    """Income by kind, all of it."""
    sums = {}
    for row in venue.ask("GET", "/fapi/v1/income", key, startTime=1, limit=1000).json():
        sums[row["incomeType"]] = sums.get(row["incomeType"], D(0)) + D(row["income"])
    return sums


def code(answer):
    return answer.json()["code"]


def test_an_open_order_asks_for_margin_and_a_cancel_gives_it_back(venue, trader):
    order = send(venue, trader, kind="LIMIT", price="50000").json()
    during = account(venue, trader)
    venue.ask("DELETE", ORDER, trader, **BTC, orderId=order["orderId"])

    assert (during["totalOpenOrderInitialMargin"], during["availableBalance"]) == ("250", "9750")
    assert account(venue, trader)["availableBalance"] == "10000"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"qty": "0.0005"}, -1111),
        ({"qty": "0"}, -4003),
        ({"qty": "2000"}, -4005),
        ({"qty": "5"}, -2019),
        ({"kind": "LIMIT", "price": "50000.123"}, -1111),
        ({"kind": "LIMIT", "price": "50000.05"}, -4014),
        ({"kind": "LIMIT", "price": "70000"}, -4016),
        ({"kind": "LIMIT", "price": "40000", "qty": "0.001"}, -4164),
        ({"kind": "LIMIT"}, -1102),
        ({"kind": "LIMIT", "price": "60010", "timeInForce": "GTX"}, -5022),
        ({"kind": "LIMIT", "price": "59999", "timeInForce": "FOK"}, -5021),
        ({"kind": "LIMIT", "price": "59999", "timeInForce": "GTD"}, -1102),
        ({"kind": "STOP_MARKET", "stopPrice": "61000"}, -4120),
        ({"reduceOnly": "true"}, -2022),
        ({"positionSide": "LONG"}, -4061),
        ({"symbol": "XYZUSDT"}, -1121),
    ],
)
def test_what_is_wrong_with_an_order_is_told_in_binances_codes(venue, trader, words, expected):
    answer = send(venue, trader, **words)

    assert (answer.status_code, code(answer)) == (400, expected)
    assert position(venue, trader) == 0


def test_a_client_id_is_refused_while_open_and_free_after_the_fill(venue, trader):
    words = {"kind": "LIMIT", "newClientOrderId": "mine", "qty": "0.01"}
    first = send(venue, trader, price="50000", **words)
    again = send(venue, trader, price="50000", **words)
    venue.set_price("BTCUSDT", "49000")
    reused = send(venue, trader, price="40000", **words)

    assert (first.ok, code(again), reused.ok) == (True, -4116, True)
    found = venue.ask("GET", ORDER, trader, **BTC, origClientOrderId="mine").json()
    assert found["orderId"] == reused.json()["orderId"]


def test_an_amended_order_keeps_its_ids_and_matches_anew(venue, trader):
    order = send(venue, trader, kind="LIMIT", price="50000", newClientOrderId="kept").json()
    words = BTC | {"side": "BUY", "orderId": order["orderId"], "quantity": "0.2"}
    same = venue.ask("PUT", ORDER, trader, **words | {"quantity": "0.1", "price": "50000"})
    dear = venue.ask("PUT", ORDER, trader, **words | {"quantity": "100", "price": "50000"})
    moved = venue.ask("PUT", ORDER, trader, **words, price="60100").json()

    assert (code(same), code(dear)) == (-5027, -2019)
    assert (moved["orderId"], moved["clientOrderId"]) == (order["orderId"], "kept")
    assert (moved["status"], moved["executedQty"]) == ("FILLED", "0.2")


def test_an_amend_below_what_is_filled_cancels_the_rest(venue, trader):
    other = venue.open_login(f"{trader} other", market="linear", balances={"USDT": "10000"})
    order = send(venue, trader, kind="LIMIT", price="59998", qty="0.1").json()
    send(venue, other, side="SELL", qty="0.04")
    words = BTC | {"side": "BUY", "orderId": order["orderId"], "quantity": "0.03"}
    amended = venue.ask("PUT", ORDER, trader, **words, price="59998").json()

    assert (amended["status"], amended["executedQty"]) == ("CANCELED", "0.04")


def test_a_reduce_only_order_never_outgrows_its_position(venue, trader):
    send(venue, trader, qty="0.1")
    first = send(venue, trader, "SELL", "LIMIT", "0.3", price="61000", reduceOnly="true").json()
    second = send(venue, trader, "SELL", "LIMIT", "0.04", price="61000", reduceOnly="true").json()
    shrunk = look(venue, trader, first)
    venue.set_price("BTCUSDT", "62000")

    assert (first["origQty"], shrunk["origQty"], second["origQty"]) == ("0.1", "0.06", "0.04")
    assert position(venue, trader) == 0


def test_closing_by_another_order_expires_what_could_only_close(venue, trader):
    send(venue, trader, qty="0.1")
    waiting = send(venue, trader, "SELL", "LIMIT", price="61000", reduceOnly="true").json()
    send(venue, trader, "SELL", qty="0.1")

    assert look(venue, trader, waiting)["status"] == "EXPIRED"


def test_one_step_across_two_orders_does_not_reverse_a_closing_one(venue, trader):
    send(venue, trader, qty="0.1")
    send(venue, trader, "SELL", "LIMIT", price="61000", qty="0.1")
    closing = send(venue, trader, "SELL", "LIMIT", price="61500", reduceOnly="true").json()
    venue.set_price("BTCUSDT", "63000")

    assert position(venue, trader) == 0
    assert look(venue, trader, closing)["status"] == "EXPIRED"


def test_an_order_good_till_a_date_expires_then(venue, trader):
    until_ms = int(time.time() * 1000) + 700_000
    words = {"price": "50000", "timeInForce": "GTD", "goodTillDate": until_ms}
    order = send(venue, trader, kind="LIMIT", **words).json()
    venue.control("POST", "step", {"count": 1})
    waiting = look(venue, trader, order)["status"]
    venue.control("POST", "clock", {"skew_ms": 701_000})
    venue.control("POST", "step", {"count": 1})
    venue.control("POST", "clock", {"skew_ms": 0})

    assert (waiting, look(venue, trader, order)["status"]) == ("NEW", "EXPIRED")


def test_hedge_mode_keeps_a_long_and_a_short_apart(venue, trader):
    mode = "/fapi/v1/positionSide/dual"
    venue.ask("POST", mode, trader, dualSidePosition="true")
    send(venue, trader, qty="0.2", positionSide="LONG")
    send(venue, trader, "SELL", qty="0.1", positionSide="SHORT")
    too_much = send(venue, trader, "BUY", qty="0.2", positionSide="SHORT")
    send(venue, trader, "SELL", qty="0.05", positionSide="LONG")

    rows = venue.ask("GET", "/fapi/v3/positionRisk", trader).json()
    assert {row["positionSide"]: row["positionAmt"] for row in rows} == {
        "LONG": "0.15",
        "SHORT": "-0.1",
    }
    assert code(too_much) == -2022
    assert code(send(venue, trader)) == -4061
    assert code(venue.ask("POST", mode, trader, dualSidePosition="false")) == -4068


def test_leverage_decides_how_much_margin_is_used(venue, trader):
    send(venue, trader, qty="0.1")
    before = D(account(venue, trader)["totalInitialMargin"])
    venue.ask("POST", "/fapi/v1/leverage", trader, **BTC, leverage=5)
    after = D(account(venue, trader)["totalInitialMargin"])
    wrong = venue.ask("POST", "/fapi/v1/leverage", trader, **BTC, leverage=126)

    assert (before, after, code(wrong)) == (300, 1200, -4028)


def test_a_fee_of_ones_own_is_charged_in_usdt(venue, trader):
    login = venue.open_login(
        f"{trader} cheap", market="linear", balances={"USDT": "10000"}, taker="0.0001"
    )
    order = send(venue, login, qty="0.1").json()

    assert wallet(venue, login) == 10000 - D(order["cumQuote"]) * D("0.0001")


actions = st.lists(
    st.tuples(
        st.sampled_from(["BUY", "SELL"]),
        st.integers(1, 40).map(lambda n: f"{n * D('0.001'):.3f}"),
        st.sampled_from(["58000", "59500", "60000", "60500", "62000"]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(actions)
def test_realised_profit_less_fees_is_what_the_wallet_changed_by(venue, trader, actions):
    before, told = wallet(venue, trader), sum(income(venue, trader).values(), D(0))
    for side, qty, price in actions:
        venue.set_price("BTCUSDT", price)
        send(venue, trader, side, qty=qty)

    explained = sum(income(venue, trader).values(), D(0)) - told
    trades = venue.ask("GET", "/fapi/v1/userTrades", trader, **BTC, fromId=0, limit=1000).json()
    by_trades = sum((D(row["realizedPnl"]) - D(row["commission"]) for row in trades), D(0))
    assert wallet(venue, trader) - before == explained
    assert wallet(venue, trader) - 10000 == by_trades


def test_funding_moves_money_from_longs_to_shorts_and_is_written_down(start_venue):
    venue = start_venue("--tick-ms", "0", "--no-flow", "--volatility", "0", "--funding-s", "1")
    long, short = (
        venue.open_login(name, market="linear", balances={"USDT": "10000"})
        for name in ("long", "short")
    )
    send(venue, long, "BUY", qty="0.1")
    send(venue, short, "SELL", qty="0.1")
    before = wallet(venue, long), wallet(venue, short)
    time.sleep(1.1)
    venue.control("POST", "step", {"count": 1})

    paid = D("60000") * D("0.1") * D("0.0001")
    assert wallet(venue, long) == before[0] - paid
    assert wallet(venue, short) == before[1] + paid
    assert income(venue, long)["FUNDING_FEE"] == -paid


def test_a_position_that_loses_its_margin_is_closed_and_the_wallet_explained(start_venue):
    venue = start_venue("--tick-ms", "0", "--no-flow", "--volatility", "0")
    key = venue.open_login("gambler", market="linear", balances={"USDT": "1000"})
    send(venue, key, qty="0.3")
    resting = send(venue, key, kind="LIMIT", qty="0.001", price="50000").json()
    venue.set_price("BTCUSDT", "57000")
    safe = position(venue, key)
    venue.set_price("BTCUSDT", "56500")
    venue.control("POST", "step", {"count": 1})

    assert (safe, position(venue, key)) == (D("0.3"), 0)
    assert look(venue, key, resting)["status"] == "EXPIRED"
    sums = income(venue, key)
    assert sums["INSURANCE_CLEAR"] > 0
    assert wallet(venue, key) == 0 == 1000 + sum(sums.values())
    closing = venue.ask("GET", "/fapi/v1/allOrders", key, **BTC).json()[-1]
    assert closing["clientOrderId"].startswith("autoclose-")
