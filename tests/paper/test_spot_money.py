"""What spot orders lock, what fills move, and what they cost: exact to the last digit."""

from decimal import Decimal

import pytest

D = Decimal


def balances(venue, key):
    rows = venue.ask("GET", "/api/v3/account", key, omitZeroBalances="true").json()["balances"]
    return {row["asset"]: (D(row["free"]), D(row["locked"])) for row in rows}


def send(venue, key, side="BUY", kind="LIMIT", **words):
    shape = {"symbol": "BTCUSDT", "side": side, "type": kind}
    if kind.endswith("LIMIT"):
        shape["timeInForce"] = "GTC"
    answer = venue.ask("POST", "/api/v3/order", key, **(shape | words))
    assert answer.ok, answer.text
    return answer.json()


def look(venue, key, order):
    words = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    return venue.ask("GET", "/api/v3/order", key, **words).json()


def explained(venue, key):
    """Balance changes that the journal's trades explain, by asset."""
    change = {}
    for row in venue.journal(key, "trade"):
        base, quote = row["symbol"][:-4], row["symbol"][-4:]
        sign = 1 if row["side"] == "BUY" else -1
        qty, price = D(row["qty"]), D(row["price"])
        for asset, amount in (
            (base, sign * qty),
            (quote, -sign * qty * price),
            (row["fee_asset"], -D(row["fee"])),
        ):
            change[asset] = change.get(asset, D(0)) + amount
    return change


def changed(before, after):
    assets = {*before, *after}
    zero = (D(0), D(0))
    diffs = {a: sum(after.get(a, zero)) - sum(before.get(a, zero)) for a in assets}
    return {asset: diff for asset, diff in diffs.items() if diff}


def test_a_resting_order_locks_its_cost_and_a_cancel_frees_it(venue, key):
    before = balances(venue, key)
    order = send(venue, key, quantity="0.1", price="50000")
    during = balances(venue, key)
    venue.ask("DELETE", "/api/v3/order", key, symbol="BTCUSDT", orderId=order["orderId"])

    assert during["USDT"] == (before["USDT"][0] - 5000, 5000)
    assert balances(venue, key) == before


@pytest.mark.parametrize("fee_mode", ["base", "quote", "bnb"])
@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_every_fee_mode_is_explained_by_the_trades(venue, key, fee_mode, side):
    login = venue.open_login(f"{key} {fee_mode}", fee_mode=fee_mode, taker="0.00075")
    before = balances(venue, login)

    answer = send(venue, login, side, "MARKET", quantity="0.5", newOrderRespType="FULL")

    after = balances(venue, login)
    received = "BTC" if side == "BUY" else "USDT"
    asset = {"base": received, "quote": "USDT", "bnb": "BNB"}[fee_mode]
    assert {fill["commissionAsset"] for fill in answer["fills"]} == {asset}
    assert changed(before, after) == explained(venue, login)
    assert all(locked == 0 for _, locked in after.values())


def test_a_maker_rebate_is_paid_out(venue, key):
    login = venue.open_login(f"{key} rebate", maker="-0.0001")
    before = balances(venue, login)
    send(venue, login, quantity="0.1", price="59000")

    venue.set_price("BTCUSDT", "58000")

    (trade,) = venue.journal(login, "trade")
    assert (trade["maker"], D(trade["fee"]), trade["fee_asset"]) == (True, D("-0.00001"), "BTC")
    assert changed(before, balances(venue, login)) == explained(venue, login)


def test_two_logins_trade_with_each_other_at_the_makers_price(venue, key):
    other = venue.open_login(f"{key} other")
    before = balances(venue, key), balances(venue, other)
    resting = send(venue, key, "SELL", quantity="0.2", price="60000")
    taking = send(venue, other, quantity="0.05", price="60010", newOrderRespType="FULL")

    mine, theirs = venue.journal(key, "trade"), venue.journal(other, "trade")
    assert taking["status"] == "FILLED"
    assert taking["fills"][0]["price"] == "60000.00000000"
    assert look(venue, key, resting)["status"] == "PARTIALLY_FILLED"
    assert [row["trade_id"] for row in mine] == [row["trade_id"] for row in theirs]
    assert [row["maker"] for row in mine + theirs] == [True, False]
    assert changed(before[0], balances(venue, key)) == explained(venue, key)
    assert changed(before[1], balances(venue, other)) == explained(venue, other)


def test_both_sides_of_a_self_trade_carry_one_trade_id_with_mode_none(venue, key):
    send(venue, key, "SELL", quantity="0.1", price="60000")
    send(venue, key, quantity="0.1", price="60000", selfTradePreventionMode="NONE")

    sell, buy = sorted(venue.journal(key, "trade"), key=lambda row: row["maker"], reverse=True)
    assert sell["trade_id"] == buy["trade_id"]
    assert sell["order_id"] != buy["order_id"]
    assert len(venue.ask("GET", "/api/v3/myTrades", key, symbol="BTCUSDT").json()) == 2


def test_a_taker_that_meets_its_own_order_expires_with_its_fills_kept(venue, key):
    other = venue.open_login(f"{key} other")
    send(venue, other, "SELL", quantity="0.01", price="59998")
    send(venue, key, "SELL", quantity="0.1", price="59999")

    taker = send(venue, key, quantity="0.1", price="60000", selfTradePreventionMode="EXPIRE_TAKER")

    assert taker["status"] == "EXPIRED_IN_MATCH"
    assert taker["executedQty"] == "0.01000000"


@pytest.mark.parametrize(("tif", "filled"), [("IOC", "0.01000000"), ("FOK", "0.00000000")])
def test_what_cannot_be_had_at_once_expires(venue, key, tif, filled):
    other = venue.open_login(f"{key} other")
    send(venue, other, "SELL", quantity="0.01", price="59998")

    answer = send(venue, key, quantity="0.1", price="59998", timeInForce=tif)

    assert (answer["status"], answer["executedQty"]) == ("EXPIRED", filled)
    assert balances(venue, key)["USDT"][1] == 0


def test_a_market_order_by_quote_amount_spends_no_more_than_that(venue, key):
    answer = send(venue, key, "BUY", "MARKET", quoteOrderQty="1000")

    assert answer["status"] == "FILLED"
    assert D("999") < D(answer["cummulativeQuoteQty"]) <= 1000


def test_a_stop_waits_for_its_price_and_then_trades(venue, key):
    stop = send(venue, key, "SELL", "STOP_LOSS", quantity="0.1", stopPrice="59000")
    waiting = look(venue, key, stop)
    venue.set_price("BTCUSDT", "58900")

    done = look(venue, key, stop)
    assert (waiting["status"], waiting["isWorking"]) == ("NEW", False)
    assert (done["status"], done["isWorking"]) == ("FILLED", True)


def test_a_trailing_stop_follows_the_price_up_and_sells_on_the_way_down(venue, key):
    stop = send(venue, key, "SELL", "STOP_LOSS", quantity="0.1", trailingDelta="100")
    states = []
    for price in ("61000", "60500", "60300"):
        venue.set_price("BTCUSDT", price)
        states.append(look(venue, key, stop)["status"])

    assert states == ["NEW", "NEW", "FILLED"]


@pytest.mark.parametrize(
    ("price", "filled", "expired"), [("61100", "LIMIT_MAKER", "STOP_LOSS_LIMIT"),
                                     ("58900", "STOP_LOSS_LIMIT", "LIMIT_MAKER")]
)  # fmt: skip
def test_of_an_oco_pair_one_is_filled_and_the_other_expires(venue, key, price, filled, expired):
    before = balances(venue, key)
    words = {
        "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.1",
        "aboveType": "LIMIT_MAKER", "abovePrice": "61000",
        "belowType": "STOP_LOSS_LIMIT", "belowStopPrice": "59000", "belowPrice": "58000",
        "belowTimeInForce": "GTC",
    }  # fmt: skip
    pair = venue.ask("POST", "/api/v3/orderList/oco", key, **words).json()
    locked = balances(venue, key)["BTC"][1]
    venue.set_price("BTCUSDT", price)

    found = {look(venue, key, order)["type"]: look(venue, key, order) for order in pair["orders"]}
    ended = venue.ask("GET", "/api/v3/orderList", key, orderListId=pair["orderListId"]).json()
    assert locked == D("0.1")
    assert (found[filled]["status"], found[expired]["status"]) == ("FILLED", "EXPIRED")
    assert ended["listStatusType"] == "ALL_DONE"
    assert changed(before, balances(venue, key)) == explained(venue, key)
    assert balances(venue, key)["BTC"][1] == 0


def test_cancelling_one_order_of_a_pair_cancels_both(venue, key):
    words = {
        "symbol": "BTCUSDT", "side": "BUY", "quantity": "0.1", "price": "59000",
        "stopPrice": "61000", "stopLimitPrice": "62000", "stopLimitTimeInForce": "GTC",
    }  # fmt: skip
    before = balances(venue, key)
    pair = venue.ask("POST", "/api/v3/order/oco", key, **words).json()
    locked = balances(venue, key)["USDT"][1]
    first = pair["orders"][0]["orderId"]
    venue.ask("DELETE", "/api/v3/order", key, symbol="BTCUSDT", orderId=first)

    assert locked == 6200
    assert balances(venue, key) == before
    assert venue.ask("GET", "/api/v3/openOrders", key).json() == []


def test_a_replace_says_which_half_failed(venue, key):
    order = send(venue, key, quantity="0.1", price="50000")
    new = {
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
        "quantity": "0.1", "price": "51000", "cancelReplaceMode": "STOP_ON_FAILURE",
    }  # fmt: skip
    path = "/api/v3/order/cancelReplace"
    neither = venue.ask("POST", path, key, **(new | {"cancelOrderId": 999999}))
    half = venue.ask(
        "POST", path, key, **(new | {"cancelOrderId": order["orderId"], "quantity": "1000"})
    )
    order = send(venue, key, quantity="0.1", price="50000")
    both = venue.ask("POST", path, key, **(new | {"cancelOrderId": order["orderId"]}))

    assert (neither.status_code, neither.json()["code"]) == (400, -2022)
    assert (half.status_code, half.json()["code"]) == (409, -2021)
    assert half.json()["data"]["newOrderResponse"]["code"] == -2010
    assert both.json()["newOrderResponse"]["status"] == "NEW"


def test_amending_an_order_keeps_its_place_and_frees_money(venue, key):
    order = send(venue, key, quantity="0.1", price="50000")

    answer = venue.ask(
        "PUT", "/api/v3/order/amend/keepPriority", key,
        symbol="BTCUSDT", orderId=order["orderId"], newQty="0.04",
    )  # fmt: skip

    assert answer.json()["amendedOrder"]["origQty"] == "0.04000000"
    assert balances(venue, key)["USDT"][1] == 2000


def test_trade_pages_leave_no_hole(venue, key):
    for _ in range(5):
        send(venue, key, "BUY", "MARKET", quantity="0.001")
    seen, cursor = [], 0
    while page := venue.ask(
        "GET", "/api/v3/myTrades", key, symbol="BTCUSDT", fromId=cursor, limit=2
    ).json():
        seen += [row["id"] for row in page]
        cursor = page[-1]["id"] + 1

    assert seen == [row["trade_id"] for row in venue.journal(key, "trade")]
