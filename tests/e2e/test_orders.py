"""From a command to orders, deals and positions, in both modes, on every paper account."""

from decimal import Decimal

import pytest

from tests.e2e.agreement import check, check_final_states, net_of_positions

pytestmark = pytest.mark.e2e
SPOT = [("ccxt.binance", "netting"), ("ccxt.binance", "hedge"),
        ("ccxt.binance", "strategy_netting"), ("ccxtpro.binance", "netting")]  # fmt: skip
ALL = [*SPOT, ("ccxt.binanceusdm", "netting")]


@pytest.mark.parametrize(("exchange_id", "mode"), ALL)
def test_a_market_order_becomes_a_deal_and_a_position(product, exchange_id, mode):
    account = product.account(exchange_id, mode)

    order = product.buy(account, "0.02")

    assert (order["status"], order["filled_qty"]) == ("FILLED", "0.02")
    position = next(row for row in product.positions(account) if row["id"] == order["position_id"])
    assert position["side"] == "buy"
    deals = product.every("/oms/deals", account_ids=account["id"])
    mine = [deal for deal in deals if deal["order_id"] == order["id"]]
    assert sum(Decimal(deal["qty"]) for deal in mine) == Decimal("0.02")
    check(product, account)


@pytest.mark.parametrize(("exchange_id", "mode"), ALL)
def test_a_resting_order_is_changed_twice_and_cancelled(product, exchange_id, mode):
    account = product.account(exchange_id, mode)
    order = product.rest(account)
    higher = str(int(Decimal(order["price"])) + 100)

    product.command("change_order", order_id=order["id"], new_price=higher)
    changed = product.command("change_order", order_id=order["id"], new_qty="0.03")["order"]
    canceled = product.command("cancel_order", order_id=order["id"])["order"]

    assert (changed["price"], changed["qty"], changed["status"]) == (higher, "0.03", "SUBMITTED")
    assert (canceled["id"], canceled["status"]) == (order["id"], "CANCELED")
    check(product, account)
    check_final_states(product, account)


@pytest.mark.parametrize(("exchange_id", "mode"), ALL)
def test_a_position_is_closed_in_two_parts_and_nothing_is_left(product, exchange_id, mode):
    account = product.account(exchange_id, mode)
    position_id = product.buy(account, "0.02")["position_id"]

    product.command("close_position", position_id=position_id, qty="0.01")
    product.command("close_position", position_id=position_id)

    closed = product.get(f"/oms/positions/{position_id}")["items"][0]
    assert (closed["state"], closed["qty"]) == ("closed", "0")
    check(product, account)


@pytest.mark.parametrize(("exchange_id", "mode"), ALL)
def test_what_is_checked_comes_true_and_until_then_nothing_is_sent(product, exchange_id, mode):
    account = product.account(exchange_id, mode)
    product.buy(account, "0.02")  # Prices and markets are known from here on.
    buy = {"symbol": account["symbols"][0], "side": "buy", "type": "market", "qty": "0.01"}
    buy |= {"strategy_id": 1}
    body = {"account_id": account["id"], "command": "send_order", "payload": buy}
    too_little = body | {"payload": buy | {"qty": "0.0000001"}}
    price = str(int(product.mid(account) * Decimal("0.9")))
    resting = body | {"payload": buy | {"type": "limit", "price": price}}
    posts, journal = product.order_posts(), product.journal(account)
    seqs = product.every("/oms/events", account_ids=account["id"])[-1]["seq"]

    told = product.post([body, too_little, resting], check="true").json()["results"]

    assert (product.order_posts(), product.journal(account)) == (posts, journal)
    assert product.every("/oms/events", account_ids=account["id"])[-1]["seq"] == seqs
    order = product.post(body, wait_ms=60_000).json()["results"][0]["order"]
    refused = product.post(too_little).json()["results"][0]
    assert told[1]["error"] == refused["error"]
    effect = told[0]["effect"]
    if effect["position_after"]["position_id"] is not None:
        assert effect["position_after"]["position_id"] == order["position_id"]
    grown = Decimal(effect["position_after"]["qty"]) - Decimal(effect["position_before"]["qty"])
    assert grown == Decimal(order["filled_qty"])
    effect = told[2]["effect"]
    assert Decimal(effect["notional"]) == Decimal("0.01") * Decimal(price)
    assert 0 < Decimal(effect["fee"]) < Decimal(effect["notional"]) / 100


@pytest.mark.parametrize(("exchange_id", "within_s"), [("ccxtpro.binance", 1.0),
                                                       ("ccxt.binance", 6.0)])  # fmt: skip
def test_the_fill_of_a_resting_order_arrives_by_itself(product, exchange_id, within_s):
    account = product.account(exchange_id)
    order = product.rest(account, share="0.99")
    below = int(Decimal(order["price"]) * Decimal("0.99"))

    product.set_price(account, below)

    product.until(lambda: product.order(order["id"])["status"] == "FILLED", within_s, "the fill")
    product.set_price(account, 60_000)
    check(product, account)


def test_cancel_all_leaves_nothing_open(product):
    account = product.account("ccxt.binance", "hedge")
    ids = [product.rest(account, "0.001")["id"] for _ in range(5)]

    result = product.command("cancel_all_orders", account["id"])

    assert sorted(order["id"] for order in result["orders"]) == ids
    assert product.every("/oms/orders/open", account_ids=account["id"]) == []
    check_final_states(product, account)


def test_a_batch_keeps_its_order_and_each_command_stands_alone(product):
    account = product.account("ccxt.binance")
    send = {"account_id": account["id"], "command": "send_order"}
    market = {"symbol": "BTC/USDT", "order_type": "market", "strategy_id": 1}
    before = net_of_positions(product, account).get("BTC/USDT", Decimal(0))

    answer = product.post(
        [
            send | {"payload": market | {"side": "buy", "qty": "0.02"}},
            send | {"payload": market | {"side": "buy", "qty": "nonsense"}},
            send | {"payload": market | {"side": "sell", "qty": "0.01"}},
        ]
    )

    results = answer.json()["results"]
    assert answer.status_code == 207
    assert [result["ok"] for result in results] == [True, False, True]
    assert [result["index"] for result in results] == [0, 1, 2]
    after = net_of_positions(product, account)["BTC/USDT"]
    assert after - before == Decimal("0.02") * Decimal("0.999") - Decimal("0.01")


def test_two_positions_close_each_other_and_two_become_one(product):
    account = product.account("ccxt.binance", "hedge")
    long, other = (product.buy(account, "0.02")["position_id"] for _ in range(2))
    short = product.buy(account, "0.01", side="sell")["position_id"]

    product.command("close_by", position_id_a=long, position_id_b=short)
    product.command(
        "merge_positions", source_position_id=other, target_position_id=long, stop_mode="keep"
    )

    states = {row["id"]: row["state"] for row in product.get(
        f"/oms/positions/{long},{other},{short}")["items"]}  # fmt: skip
    assert states == {long: "open", other: "merged", short: "closed"}
    check(product, account)
    product.manage("rebuild_positions", "--verify")
    product.manage("verify_ledger")


def test_the_same_request_id_sends_one_order(product):
    account = product.account("ccxt.binance")
    body = {
        "account_id": account["id"],
        "command": "send_order",
        "request_id": "only-once",
        "payload": {"symbol": "BTC/USDT", "side": "buy", "order_type": "market", "qty": "0.01"},
    }

    answers = [product.post(body).json()["results"][0] for _ in range(3)]

    assert len({answer["command_id"] for answer in answers}) == 1
    posts = product.order_posts()
    assert posts[answers[0]["order"]["exchange_client_order_id"]] == 1


def test_the_venues_no_is_told_with_its_code_and_class(product):
    account = product.account("ccxt.binance")

    answer = product.post(
        {
            "account_id": account["id"],
            "command": "send_order",
            "payload": {"symbol": "BTC/USDT", "side": "buy", "order_type": "market", "qty": "100"},
        }
    )

    result = answer.json()["results"][0]
    assert answer.status_code == 422
    assert result["error"]["code"] == "order_rejected"
    assert result["error"]["details"] == {
        "exception": "InsufficientFunds",
        "exchange_code": "-2010",
    }
    assert result["order"]["status"] == "REJECTED"
