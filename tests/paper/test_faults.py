"""Faults on demand, as unmodified ccxt sees them; the journal says what really happened."""

import time

import ccxt
import pytest

from conftest import ccxt_client

ORDER = "POST /api/v3/order"
SYMBOL = "BTC/USDT"


def try_to_buy(client, client_id="mine"):
    """The order as ccxt returned it, or the exception it raised."""
    try:
        return client.create_order(
            SYMBOL, "limit", "buy", 0.01, 50000, {"clientOrderId": client_id}
        )
    except ccxt.BaseError as error:
        return error


@pytest.mark.parametrize("accept", [True, False])
@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ({"kind": "reset"}, ccxt.NetworkError),
        ({"kind": "truncated"}, ccxt.BaseError),
        ({"kind": "gateway", "status": 502}, ccxt.ExchangeNotAvailable),
        ({"kind": "gateway", "status": 503}, ccxt.ExchangeNotAvailable),
        ({"kind": "gateway", "status": 504}, ccxt.RequestTimeout),
        ({"kind": "gateway", "status": 524}, ccxt.BaseError),
        ({"kind": "refuse", "code": -1000}, ccxt.OperationFailed),
        ({"kind": "refuse", "code": -1006}, ccxt.OperationFailed),
        ({"kind": "refuse", "code": -1007}, ccxt.RequestTimeout),
        ({"kind": "storm", "ms": 2000}, ccxt.DDoSProtection),
        ({"kind": "ban", "ms": 2000}, ccxt.DDoSProtection),
    ],
)
def test_a_spoiled_answer_raises_and_the_order_exists_only_if_accepted(
    venue, key, binance, words, seen, accept
):
    binance.load_markets()
    venue.fault(route=ORDER, count=1, accept=accept, **words)

    outcome = try_to_buy(binance)

    assert isinstance(outcome, seen)
    assert [row["client_id"] for row in venue.journal(key, "order")] == ["mine"] * accept
    sent = [row for row in venue.control("GET", "requests")["orders"] if row["login"] == key]
    assert [(row["client_id"], row["count"]) for row in sent] == [("mine", 1)]


@pytest.mark.parametrize("kind", ["empty", "null", "html"])
def test_an_answer_without_sense_returns_an_order_without_id(venue, key, binance, kind):
    binance.load_markets()
    venue.fault(route=ORDER, kind=kind, count=1)

    order = try_to_buy(binance)

    assert order["id"] is None
    assert len(venue.journal(key, "order")) == 1


def test_silence_after_accepting_is_a_timeout(venue, key):
    client = ccxt_client(venue.url, key, timeout=300)
    client.load_markets()
    venue.fault(route=ORDER, kind="silence", count=1, ms=2000)

    assert isinstance(try_to_buy(client), ccxt.RequestTimeout)
    assert client.fetch_order(None, SYMBOL, {"clientOrderId": "mine"})["status"] == "open"


def test_a_slow_answer_still_comes(venue, key, binance):
    binance.load_markets()
    venue.fault(route=ORDER, kind="slow", ms=200, count=1)
    begin = time.monotonic()

    order = try_to_buy(binance)

    assert order["status"] == "open"
    assert time.monotonic() - begin >= 0.2


def test_a_request_that_arrives_late_is_refused_by_its_window(venue, key, binance):
    binance.load_markets()
    binance.options["recvWindow"] = 50
    venue.fault(route=ORDER, kind="late_arrival", ms=150, count=1)

    assert isinstance(try_to_buy(binance), ccxt.InvalidNonce)
    assert venue.journal(key, "order") == []


def test_lookups_lag_behind_but_find_the_order_in_the_end(venue, key, binance):
    binance.load_markets()
    fault = venue.fault(kind="lookup_lag", ms=400, login=key)
    order = try_to_buy(binance)

    with pytest.raises(ccxt.OrderNotFound):
        binance.fetch_order(order["id"], SYMBOL)
    assert binance.fetch_open_orders(SYMBOL) == []
    time.sleep(0.45)
    assert binance.fetch_order(order["id"], SYMBOL)["id"] == order["id"]
    assert [told["fault_id"] for told in venue.control("GET", "faults")] == [fault["fault_id"]]


def test_a_fault_strikes_by_its_seed_its_count_and_its_login(venue, key):
    def struck():
        venue.control("DELETE", "faults")
        venue.fault(route="GET /api/v3/time", kind="gateway", probability=0.5, seed=3, count=4)
        return [venue.ask("GET", "/api/v3/time").status_code for _ in range(20)]

    first = struck()

    assert first == struck()
    assert first.count(502) == 4


def test_an_unknown_word_in_a_fault_is_told(venue, key):
    answer = venue.ask("GET", "/paper/health")
    assert answer.ok

    with pytest.raises(Exception, match="400"):
        venue.fault(kind="refuse", rout="*")
