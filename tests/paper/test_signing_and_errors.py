"""Who is let in, and the exact words in which the venue refuses."""

import time

import pytest

LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "50000",
}


def refusal(answer):
    return answer.status_code, answer.json()["code"], answer.json()["msg"]


@pytest.mark.parametrize(("method", "path"), [("GET", "account"), ("POST", "order")])
def test_a_wrong_signature_is_refused(venue, key, method, path):
    answer = venue.ask(method, f"/api/v3/{path}", key, secret="another", **LIMIT)

    assert refusal(answer) == (400, -1022, "Signature for this request is not valid.")


def test_a_stranger_and_a_missing_key_are_refused(venue, key):
    assert refusal(venue.ask("GET", "/api/v3/account", "nobody"))[:2] == (401, -2015)
    assert refusal(venue.ask("GET", "/api/v3/account"))[:2] == (401, -2014)


@pytest.mark.parametrize(
    ("late_ms", "words", "code"),
    [(6_000, {}, -1021), (-2_000, {}, -1021), (6_000, {"recvWindow": 10_000}, None)],
)
def test_a_request_outside_its_window_is_refused(venue, key, late_ms, words, code):
    timestamp = int(time.time() * 1000) - late_ms

    answer = venue.ask("GET", "/api/v3/account", key, timestamp=timestamp, **words)

    assert answer.json().get("code") == code


def test_a_wrong_clock_makes_every_signed_request_late(venue, key):
    venue.control("POST", "clock", {"skew_ms": 10_000})

    answer = venue.ask("GET", "/api/v3/account", key)

    assert refusal(answer) == (
        400,
        -1021,
        "Timestamp for this request is outside of the recvWindow.",
    )


@pytest.mark.parametrize(
    ("words", "code", "msg"),
    [
        ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.0000000001"}, -1111, "Parameter 'quantity' has too much precision."),
        ({"price": "50000.001"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "1"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ({"quantity": "0.00001"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "x"}, -1100, None),
        ({"price": ""}, -1102, None),
        ({"stopPrice": "1"}, -1106, "Parameter 'stopPrice' sent when not required."),
        ({"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
        ({"type": "ODD"}, -1116, "Invalid orderType."),
        ({"side": "HOLD"}, -1117, "Invalid side."),
        ({"symbol": "ODDCOIN"}, -1121, "Invalid symbol."),
        ({"newClientOrderId": "no spaces"}, -1100, None),
        (
            {"quantity": "1000"},
            -2010,
            "Account has insufficient balance for requested action.",
        ),
        (
            {"type": "LIMIT_MAKER", "timeInForce": "", "price": "70000"},
            -2010,
            "Order would immediately match and take.",
        ),
        (
            {"type": "STOP_LOSS_LIMIT", "stopPrice": "50000"},
            -2010,
            "Stop price would trigger immediately.",
        ),
    ],
)
def test_an_invalid_order_is_refused_in_binances_words(venue, key, words, code, msg):
    answer = venue.ask("POST", "/api/v3/order", key, **(LIMIT | words))

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert msg in (None, answer.json()["msg"])
    assert venue.journal(key, "order") == []


def test_a_client_order_id_is_refused_while_open_and_taken_again_once_filled(venue, key):
    mine = LIMIT | {"newClientOrderId": "mine"}
    first = venue.ask("POST", "/api/v3/order", key, **mine).json()

    assert refusal(venue.ask("POST", "/api/v3/order", key, **mine)) == (
        400,
        -2010,
        "Duplicate order sent.",
    )
    venue.set_price("BTCUSDT", "49000")
    second = venue.ask("POST", "/api/v3/order", key, **mine).json()
    found = venue.ask("GET", "/api/v3/order", key, symbol="BTCUSDT", origClientOrderId="mine")

    assert second["orderId"] > first["orderId"]
    assert found.json()["orderId"] == second["orderId"]
    assert len(venue.journal(key, "order")) == 2


def test_unknown_orders_are_told_apart(venue, key):
    words = {"symbol": "BTCUSDT", "orderId": 999999}

    assert refusal(venue.ask("DELETE", "/api/v3/order", key, **words))[1:] == (
        -2011,
        "Unknown order sent.",
    )
    assert refusal(venue.ask("GET", "/api/v3/order", key, **words))[1:] == (
        -2013,
        "Order does not exist.",
    )


def test_limits_are_told_in_headers_and_exchange_info_and_answered_with_429_and_418(start_venue):
    venue = start_venue("--weight-limit", "50", "--orders-10s", "2", "--tick-ms", "0")
    key = venue.open_login("busy")
    told = venue.ask("GET", "/api/v3/exchangeInfo").json()["rateLimits"]
    names = ("first", "second", "third")
    orders = [
        venue.ask("POST", "/api/v3/order", key, newClientOrderId=name, **LIMIT) for name in names
    ]
    posts = venue.control("GET", "requests")["orders"]
    answers = [venue.ask("GET", "/api/v3/ticker/24hr") for _ in range(2)]

    assert {limit["rateLimitType"]: limit["limit"] for limit in told}["REQUEST_WEIGHT"] == 50
    assert orders[0].headers["X-MBX-ORDER-COUNT-10S"] == "1"
    assert orders[0].headers["X-MBX-USED-WEIGHT-1M"] == "21"
    assert refusal(orders[2])[:2] == (429, -1015)
    assert {post["client_id"]: post["turned_away"] for post in posts} == dict.fromkeys(
        names[:2], 0
    ) | {"third": 1}
    assert refusal(answers[0])[:2] == (418, -1003)
    assert int(answers[1].headers["Retry-After"]) > 0


def test_paths_that_are_not_there_and_the_control_port_without_token(venue):
    assert venue.ask("GET", "/api/v3/nothing").status_code == 404
    assert venue.ask("GET", "/paper/journal").status_code == 403
    assert venue.ask("GET", "/paper/health").json() == {"ok": True}
