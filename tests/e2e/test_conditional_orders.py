"""Stops, take-profits and trailing stops from the command to the deal, in both modes.

The venue's price stands still until a test moves it.
"""

import pytest

from tests.e2e.agreement import check, check_final_states
from tests.e2e.conftest import running
from tests.e2e.product import Json, Product

pytestmark = pytest.mark.e2e
SPOT, LINEAR = "ccxt.binance", "ccxt.binanceusdm"
STREAMED = "ccxtpro.binanceusdm"
EVERYWHERE = pytest.mark.parametrize("exchange_id", [SPOT, "ccxtpro.binance", LINEAR, STREAMED])
ALGO = "/fapi/v1/algoOrder"
# Sells at 60,000, and the prices that trigger those below and those above it.
BELOW = {
    "stop": {"trigger_price": "59000"},
    "stop_limit": {"trigger_price": "59000", "price": "58000"},
    "trailing_stop": {"trailing_percent": "1.5"},
}
ABOVE = {
    "take_profit": {"trigger_price": "61000"},
    "take_profit_limit": {"trigger_price": "61000", "price": "60500"},
}


@pytest.fixture(scope="module", params=["embedded", "server"])
def product(request, tmp_path_factory):
    """A running product whose venue stands still, and 1 BTC long on each account."""
    options = {
        "venue_options": ("--volatility", "0", "--no-flow"),
        "settings": {"OMS_EXCHANGE_TIMEOUT_MS": "1500"},
    }
    for product in running(tmp_path_factory, request.param, **options):
        for exchange_id in (SPOT, "ccxtpro.binance", LINEAR, STREAMED):
            product.buy(product.account(exchange_id), "1")
        yield product


@pytest.fixture(autouse=True)
def _undisturbed(product):
    yield
    product.venue("DELETE", "faults")
    for exchange_id in (SPOT, LINEAR):
        product.set_price(product.account(exchange_id), 60_000)


def sell(product: Product, account: Json, order_type: str, **payload) -> Json:
    """A conditional sell of 0.01 that rests."""
    prices = (BELOW | ABOVE)[order_type] | payload
    order = product.buy(account, "0.01", side="sell", order_type=order_type, **prices)
    assert order["status"] == "SUBMITTED", order
    return order


def until(product: Product, order: Json, status: str) -> Json:
    product.until(lambda: product.order(order["id"])["status"] == status, 10, status)
    return product.order(order["id"])


def agree(product: Product, account: Json) -> None:
    check(product, account)
    check_final_states(product, account)


@EVERYWHERE
def test_every_type_rests_and_is_filled_when_the_price_comes(product, exchange_id):
    account = product.account(exchange_id)
    below = [sell(product, account, order_type) for order_type in BELOW]
    above = [sell(product, account, order_type) for order_type in ABOVE]

    product.set_price(account, 58_500)
    low = [until(product, order, "FILLED") for order in below]
    waiting = [product.order(order["id"])["status"] for order in above]
    product.set_price(account, 61_500)
    high = [until(product, order, "FILLED") for order in above]

    assert waiting == ["SUBMITTED", "SUBMITTED"]
    for before, after in zip(below + above, low + high, strict=True):
        assert after["filled_qty"] == "0.01"
        moved = after["exchange_order_id"] != before["exchange_order_id"]
        assert moved is exchange_id.endswith("usdm")
    agree(product, account)


@EVERYWHERE
def test_a_trigger_is_moved_and_cancelled(product, exchange_id):
    account = product.account(exchange_id)
    order = sell(product, account, "stop_limit")

    moved = product.command("change_order", order_id=order["id"], new_trigger_price="58800")
    product.set_price(account, 58_900)
    ended = product.command("cancel_order", order_id=order["id"])["order"]

    assert moved["order"]["trigger_price"] == "58800"
    assert (moved["order"]["price"], moved["order"]["status"]) == ("58000", "SUBMITTED")
    assert (ended["status"], ended["filled_qty"]) == ("CANCELED", "0")
    agree(product, account)


def test_what_a_trigger_placed_is_changed_and_cancelled_as_an_order(product):
    account = product.account(LINEAR)
    order = sell(product, account, "stop_limit", price="58950")
    product.set_price(account, 58_000)  # Too fast: what it places rests above.
    product.until(
        lambda: product.order(order["id"])["exchange_order_id"] != order["exchange_order_id"],
        10,
        "the trigger",
    )

    changed = product.command("change_order", order_id=order["id"], new_price="58900")["order"]
    refused = product.post(
        {
            "command": "change_order",
            "payload": {"order_id": order["id"], "new_trigger_price": "57000"},
        }
    ).json()["results"][0]
    ended = product.command("cancel_order", order_id=order["id"])["order"]

    assert (changed["status"], changed["price"]) == ("SUBMITTED", "58900")
    assert refused["error"]["details"]["field"] == "new_trigger_price"
    assert ended["status"] == "CANCELED"
    agree(product, account)


@pytest.mark.parametrize(
    ("trigger_by", "told"), [("mark", "MARK_PRICE"), ("last", "CONTRACT_PRICE")]
)
def test_the_exchange_is_told_for_which_price_a_trigger_waits(product, trigger_by, told):
    account = product.account(LINEAR)
    order = sell(product, account, "stop", trigger_by=trigger_by)

    raw = product.every("/ccxt/orders/raw", account_ids=account["id"])
    mine = [row for row in raw if row["client_order_id"] == order["exchange_client_order_id"]]
    product.command("cancel_order", order_id=order["id"])

    assert order["trigger_by"] == trigger_by
    assert mine
    assert all(f'"{told}"' in str(row["raw_json"]).replace("'", '"') for row in mine)
    spot = {"account_id": product.account(SPOT)["id"], "command": "send_order",
            "payload": {"symbol": "BTC/USDT", "side": "sell", "type": "stop", "qty": "0.01",
                        "trigger_price": "59000", "trigger_by": "mark"}}  # fmt: skip
    refused = product.post(spot).json()["results"][0]["error"]
    assert (refused["details"]["field"], refused["details"]["limit"]) == ("trigger_by", ["last"])


@pytest.mark.parametrize("triggers_meanwhile", [False, True])
@pytest.mark.parametrize("fault", ["silence", "reset", "empty"])
def test_an_unanswered_stop_is_adopted_and_never_sent_twice(product, fault, triggers_meanwhile):
    account = product.account(LINEAR)
    product.venue("POST", "faults", {"kind": fault, "route": f"POST {ALGO}", "count": 1})
    if triggers_meanwhile:
        lagging = {"kind": "lookup_lag", "ms": 1500, "route": f"GET {ALGO}"}
        product.venue("POST", "faults", lagging)
    body = {
        "account_id": account["id"],
        "command": "send_order",
        "payload": {
            "symbol": account["symbols"][0],
            "side": "sell",
            "order_type": "stop",
            "qty": "0.01",
            "trigger_price": "59000",
        },
    }

    order = product.post(body, wait_ms=300).json()["results"][0]["order"]
    our_id = order["exchange_client_order_id"]
    product.until(lambda: our_id in product.order_posts(), 10, "the post")
    if triggers_meanwhile:
        product.set_price(account, 58_500)
    until(product, order, "FILLED" if triggers_meanwhile else "SUBMITTED")

    assert product.order_posts()[our_id] == 1
    if not triggers_meanwhile:
        product.command("cancel_order", order_id=order["id"])
    agree(product, account)


@pytest.mark.parametrize("exchange_id", [LINEAR, STREAMED])
def test_a_cancel_that_the_trigger_overtakes_leaves_the_fills(product, exchange_id):
    account = product.account(exchange_id)
    order = sell(product, account, "stop")
    late = {"kind": "late_arrival", "route": f"DELETE {ALGO}", "ms": 700, "count": 1}
    product.venue("POST", "faults", late)
    cancel = {"command": "cancel_order", "payload": {"order_id": order["id"]}}

    product.post(cancel, wait_ms=100)
    product.set_price(account, 58_500)

    assert until(product, order, "FILLED")["filled_qty"] == "0.01"
    agree(product, account)


def test_reduce_only_ends_with_its_position_and_does_not_trigger_later(product):
    account = product.account(LINEAR)
    held = next(row for row in product.positions(account) if row["side"] == "buy")
    stop = {"order_type": "stop", "reduce_only": True, "trigger_price": "59000", "side": "sell"}
    order = product.buy(account, held["qty"], position_id=held["id"], **stop)
    product.buy(account, held["qty"], side="sell")

    assert until(product, order, "CANCELED")["note"] == "Cancelled: its position is gone."
    product.set_price(account, 58_500)
    product.buy(account, "1")

    assert product.order(order["id"])["filled_qty"] == "0"
    agree(product, account)
