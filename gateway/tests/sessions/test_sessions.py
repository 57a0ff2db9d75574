"""What does a session do with a well-behaved and with an awkward exchange?"""

import asyncio
import logging
from decimal import Decimal

import pytest
from aiohttp import web

from accounts.credentials import ExchangeLogin
from gateway.exchanges import capabilities, logins, seen
from gateway.exchanges.profile import Profile
from gateway.exchanges.seen import Seen
from gateway.sessions import catalogue, instance, paging
from gateway.sessions.call import Call
from gateway.sessions.finding import fetch_closed_orders, fetch_order, fetch_order_trades
from gateway.sessions.outcomes import CallFailed, NoSession, NotFound, NotSent
from gateway.tests.venue import LOGIN, Answer, limit_order, session, venue
from oms_project.errors import EngineUnavailable

SPOT, LINEAR = "ccxt.binance", "ccxt.binanceusdm"
START_MS = 1767312000000
ORDER = {
    "orderId": 7,
    "symbol": "BTCUSDT",
    "clientOrderId": "aB3456789012345678",
    "status": "NEW",
    "side": "BUY",
    "type": "LIMIT",
    "price": "20000.00",
    "origQty": "0.00100",
    "executedQty": "0.00000",
    "cummulativeQuoteQty": "0",
    "transactTime": START_MS,
    "time": START_MS,
}


def run(work, exchange_id=SPOT, answers=None, **settings):
    """Run ``work(session, venue)`` against a venue."""

    async def attempt():
        async with venue(**settings) as here, session(exchange_id) as talk:
            here.answers |= answers or {}
            return await work(talk, here)

    return asyncio.run(attempt())


def trade(number: int, at_ms: int) -> dict:
    return {
        "id": number,
        "orderId": 7,
        "symbol": "BTCUSDT",
        "price": "20000",
        "qty": "0.001",
        "commission": "0",
        "commissionAsset": "BTC",
        "time": at_ms,
        "isBuyer": True,
    }


def test_what_is_sent_is_exactly_what_was_ordered():
    async def work(talk, here):
        await talk.create_order(limit_order("BTC/USDT"))
        return here.sent("POST", "/api/v3/order")

    sent = run(work, answers={"POST /api/v3/order": Answer(body=ORDER)}, OMS_RECV_WINDOW_MS=2000)

    assert {"quantity": "0.001", "price": "20000", "recvWindow": "2000"}.items() <= sent.items()
    assert sent["newClientOrderId"] == "aB3456789012345678"


def test_a_quantity_with_more_digits_than_a_float_is_sent_whole():
    async def work(talk, here):
        call = Call("create_order", ("BTC/USDT", "limit", "buy", "8999.12345", "123456.78"), {})
        await talk.create_order(call)
        return here.sent("POST", "/api/v3/order")

    sent = run(work, answers={"POST /api/v3/order": Answer(body=ORDER)})

    assert (sent["quantity"], sent["price"]) == ("8999.12345", "123456.78")


def test_numbers_come_back_as_the_exchange_wrote_them():
    """Also JSON numbers, which a float would cut at 17 digits."""

    async def work(talk, here):
        return await talk.create_order(limit_order("BTC/USDT"))

    text = '{"orderId":7,"symbol":"BTCUSDT","price":20000.1234567890123456,"origQty":0.10}'
    order = run(work, answers={"POST /api/v3/order": Answer(body=text)})

    assert (order["price"], order["amount"]) == ("20000.1234567890123456", "0.10")


def test_the_fees_of_fills_inside_an_order_survive_being_parsed_twice():
    async def work(talk, here):
        return await talk.create_order(limit_order("BTC/USDT"))

    fill = {"price": "20000", "qty": "0.001", "commission": "0.00000100",
            "commissionAsset": "BTC", "tradeId": 9}  # fmt: skip
    filled = ORDER | {"status": "FILLED", "executedQty": "0.001", "fills": [fill]}
    order = run(work, answers={"POST /api/v3/order": Answer(body=filled)})

    assert order["trades"][0]["amount"] == "0.001"
    assert order["trades"][0]["fee"] == {"currency": "BTC", "cost": "0.00000100"}


def test_why_ccxt_s_numbers_are_text_and_not_decimals():
    """ccxt's types allow Decimal, but its own helper reads one back as nothing."""
    exchange = instance.build(Profile(1, SPOT), LOGIN)

    assert exchange.safe_string({"amount": "0.10"}, "amount") == "0.10"
    assert exchange.safe_string({"amount": Decimal("0.10")}, "amount") is None
    assert exchange.number is str


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_dropped_connection_never_repeats_a_change(method):
    """aiohttp re-sends PUT and DELETE on a kept connection that the exchange closed."""
    reached = []

    def drop(request: web.Request) -> Answer:
        reached.append(request.method)
        return Answer(how="reset")

    async def work(talk, here):
        await talk.measure_clock()  # Leaves a connection to be used again.
        edit = Call("edit_order", ("7", "BTC/USDT:USDT", "limit", "buy", "0.002", "21000"))
        cancel = Call("cancel_order", ("7", "BTC/USDT:USDT"))
        change = talk.edit_order(edit) if method == "PUT" else talk.cancel_order(cancel)
        with pytest.raises(CallFailed):
            await change

    run(work, LINEAR, {
        "GET /fapi/v1/time": Answer(body={"serverTime": START_MS}),
        f"{method} /fapi/v1/order": drop,
    })  # fmt: skip

    assert reached == [method]


def test_many_orders_share_one_session_side_by_side():
    async def work(talk, here):
        answers = await asyncio.gather(
            *(talk.create_order(limit_order("BTC/USDT", f"aB{n:016}")) for n in range(20))
        )
        return len(answers), here.count("POST", "/api/v3/order")

    assert run(work, answers={"POST /api/v3/order": Answer(body=ORDER)}) == (20, 20)


class TestPaging:
    """The venue of these tests gives at most three trades a page, oldest first."""

    def fetch(self, times, since_ms=START_MS):
        trades = [trade(number, at_ms) for number, at_ms in enumerate(times, 1)]

        def answer(request: web.Request) -> Answer:
            words = request.query
            rows = trades
            if "startTime" in words:
                rows = [one for one in rows if one["time"] >= int(words["startTime"])]
            if "endTime" in words:
                rows = [one for one in rows if one["time"] <= int(words["endTime"])]
            if "fromId" in words:
                rows = [one for one in rows if one["id"] >= int(words["fromId"])]
            return Answer(body=rows[: min(3, int(words["limit"]))])

        async def work(talk, here):
            talk.exchange.milliseconds = lambda: START_MS + 3 * paging.DAY_MS
            found = await talk.fetch_my_trades("BTC/USDT", since_ms, limit=3)
            return [int(one["id"]) for one in found]

        return run(work, answers={"GET /api/v3/myTrades": answer})

    def test_pages_are_joined_without_hole_or_repeat(self):
        times = [START_MS + n * 1000 for n in range(8)]

        assert self.fetch(times) == list(range(1, 9))

    def test_a_page_full_of_one_instant_leaves_no_hole(self):
        times = [START_MS + 5] * 8 + [START_MS + 6]

        assert self.fetch(times) == list(range(1, 10))

    def test_an_instant_across_two_pages_leaves_no_hole(self):
        times = [START_MS, START_MS + 1, START_MS + 1, START_MS + 1, START_MS + 2]

        assert self.fetch(times) == list(range(1, 6))

    def test_quiet_days_between_trades_are_crossed(self):
        times = [START_MS, START_MS + paging.DAY_MS, START_MS + int(2.5 * paging.DAY_MS)]

        assert self.fetch(times) == [1, 2, 3]

    def test_nothing_is_an_empty_list(self):
        assert self.fetch([]) == []


def test_the_fills_of_an_order_are_asked_for_by_its_id():
    async def work(talk, here):
        found = await fetch_order_trades(talk, "BTC/USDT:USDT", "7")
        return [one["id"] for one in found], here.sent("GET", "/fapi/v1/userTrades")["orderId"]

    rows = [trade(1, START_MS), trade(2, START_MS) | {"orderId": 8}]

    assert run(work, LINEAR, {"GET /fapi/v1/userTrades": Answer(body=rows)}) == (["1"], "7")


def test_final_orders_of_every_kind_are_listed_and_resting_ones_are_not():
    states = ("NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "REJECTED")
    rows = [
        ORDER | {"orderId": n, "status": status, "time": START_MS}
        for n, status in enumerate(states)
    ]

    async def work(talk, here):
        return {one["status"] for one in await fetch_closed_orders(talk, "BTC/USDT", START_MS)}

    found = run(work, answers={"GET /api/v3/allOrders": Answer(body=rows)})

    assert found == {"closed", "canceled", "expired", "rejected"}


def test_where_our_id_cannot_be_looked_up_the_lists_are_searched():
    async def work(talk, here):
        talk.exchange.milliseconds = lambda: START_MS + 1000
        talk.seen = lambda symbol: Seen()
        shown = await fetch_order(talk, "BTC/USDT", client_order_id=ORDER["clientOrderId"])
        with pytest.raises(NotFound):
            await fetch_order(talk, "BTC/USDT", client_order_id="other")
        return shown["id"]

    answers = {
        "GET /api/v3/openOrders": Answer(body=[]),
        "GET /api/v3/allOrders": Answer(body=[ORDER | {"status": "FILLED"}]),
    }

    assert run(work, answers=answers) == "7"


def test_a_list_that_was_not_answered_is_not_an_empty_list():
    async def work(talk, here):
        talk.seen = lambda symbol: Seen()
        await fetch_order(talk, "BTC/USDT", client_order_id="aB3")

    with pytest.raises(CallFailed) as failure:
        run(work, answers={"GET /api/v3/openOrders": Answer(how="reset")})

    assert not isinstance(failure.value, NotFound)


def test_a_resting_trigger_of_a_contract_is_looked_for_among_the_triggers():
    async def work(talk, here):
        await talk.fetch_open_orders("BTC/USDT:USDT", conditional=True)
        return here.count("GET", "/fapi/v1/openAlgoOrders")

    assert run(work, LINEAR, {"GET /fapi/v1/openAlgoOrders": Answer(body=[])}) == 1


@pytest.mark.parametrize("told", [{"dualSidePosition": True}, {"feeTier": 0}], ids=["yes", "no"])
def test_two_way_mode_is_told_by_the_cheap_call_or_else_by_the_dear_one(told):
    async def work(talk, here):
        return await talk.is_two_way(), here.count("GET", "/fapi/v1/positionSide/dual")

    answers = {
        "GET /fapi/v1/accountConfig": Answer(body=told),
        "GET /fapi/v1/positionSide/dual": Answer(body={"dualSidePosition": True}),
    }

    assert run(work, LINEAR, answers) == (True, int("feeTier" in told))


def test_markets_are_loaded_with_one_request_and_shared():
    async def work(talk, here):
        profile = Profile(1, SPOT)
        loaded = await catalogue.load(profile, LOGIN)
        asked = [one[:2] for one in here.seen]
        talk.take_over(loaded)
        await talk.exchange.load_markets()
        return asked, [one[:2] for one in here.seen]

    once, later = run(work)

    assert once == later == [("GET", "/api/v3/exchangeInfo")]


def test_only_allow_listed_settings_reach_the_constructor():
    profile = Profile(1, SPOT, uid="u")
    exchange = instance.build(profile, LOGIN)

    assert (exchange.apiKey, exchange.uid, exchange.timeout) == (LOGIN.api_key, "u", 10_000)
    assert exchange.enableRateLimit
    assert exchange.options["maxRetriesOnFailure"] == 0
    assert not exchange.verbose
    assert logging.getLogger("ccxt").getEffectiveLevel() == logging.WARNING


@pytest.mark.parametrize("exchange_id", sorted(capabilities.exchange_ids())[::7])
def test_every_part_of_a_login_that_a_class_wants_reaches_it(exchange_id):
    parts = {str(part): f"the {part}" for part in logins.needed(exchange_id)}

    exchange = instance.build(Profile(1, exchange_id), ExchangeLogin(**parts))

    assert exchange.check_required_credentials()
    given = {exchange.safe_string(vars(exchange), name) for name in logins.CCXT_NAMES.values()}
    assert given - {None} == set(parts.values())


def test_every_part_that_any_class_wants_can_be_stored():
    wanted = {name for row in seen.classes().values() for name in row["login"]}

    assert wanted <= set(logins.CCXT_NAMES.values())
    assert logins.needed("ccxt.hyperliquid") == ("wallet_address", "private_key")
    assert logins.needed("ccxt.nosuchexchange") == ("api_key", "secret")


def test_an_exchange_that_ccxt_lacks_is_unavailable():
    with pytest.raises(EngineUnavailable):
        instance.build(Profile(1, "ccxt.bitmex"), LOGIN)
    with pytest.raises(EngineUnavailable):
        instance.build(Profile(1, "ccxt.Exchange"), LOGIN)


def test_having_no_session_is_both_engine_unavailable_and_not_sent():
    failure = NoSession("text", account_id=7)

    assert isinstance(failure, EngineUnavailable)
    assert isinstance(failure, NotSent)
    assert (failure.code, failure.status) == ("engine_unavailable", 503)
    assert failure.details == {"account_id": 7}
