"""What does each failure prove? Every ccxt class, every code and every broken transport."""

import asyncio
import inspect
import socket
import traceback

import pytest
from ccxt.base import errors

from gateway.sessions.call import Call
from gateway.sessions.finding import fetch_order
from gateway.sessions.outcomes import (
    MEANING,
    Adopt,
    CallFailed,
    NotFound,
    NotSent,
    Refused,
    Throttled,
    Unanswered,
    classify,
)
from gateway.sessions.wire import Wire
from gateway.tests.venue import HTML, Answer, code, html, limit_order, session, venue
from gateway.words import Ask, Verdict

SPOT, LINEAR = "ccxt.binance", "ccxt.binanceusdm"
SYMBOLS = {SPOT: "BTC/USDT", LINEAR: "BTC/USDT:USDT"}
ORDERS = {SPOT: "/api/v3/order", LINEAR: "/fapi/v1/order"}
CLASSES = {
    name: cls
    for name, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, errors.BaseError)
}
DOUBTFUL_STATUS = (408, 409, 500, 502, 503, 504, 520, 524)


def create(exchange_id: str, answer: Answer) -> tuple[CallFailed, int]:
    """Send one order that the exchange answers so; the failure and how often it was posted."""

    async def attempt() -> tuple[CallFailed, int]:
        async with venue() as here, session(exchange_id) as talk:
            here.answers[f"POST {ORDERS[exchange_id]}"] = answer
            with pytest.raises(CallFailed) as failure:
                await talk.create_order(limit_order(SYMBOLS[exchange_id]))
            return failure.value, here.count("POST", ORDERS[exchange_id])

    return asyncio.run(attempt())


def judged(status: int = 400, ask: Ask = Ask.CREATE, exchange_id: str = "ccxt.other") -> Wire:
    """The traces of a call whose error ccxt raised from the exchange's own answer."""
    return Wire(exchange_id=exchange_id, ask=ask, sent=True, judged=True, status=status)


def test_every_exception_class_of_ccxt_has_a_meaning():
    assert set(MEANING) == set(CLASSES)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_class_counts_only_with_the_proof_of_an_answer(name):
    error = CLASSES[name]("text")

    assert classify(error, Wire(sent=True)).verdict is Verdict.UNANSWERED
    proven = {Verdict.THROTTLED: 429}.get(MEANING[name], 400)
    wanted = Verdict.UNANSWERED if MEANING[name] is Verdict.NOT_FOUND else MEANING[name]
    assert classify(error, judged(proven)).verdict is wanted


@pytest.mark.parametrize("status", DOUBTFUL_STATUS)
@pytest.mark.parametrize("name", sorted(CLASSES))
def test_no_class_counts_behind_a_status_that_may_hide_an_order(name, status):
    assert classify(CLASSES[name]("text"), judged(status)).verdict is Verdict.UNANSWERED


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_an_error_with_a_transport_cause_proves_nothing_once_sent(name):
    error = CLASSES[name]("text")
    error.__cause__ = ConnectionResetError()

    assert classify(error, judged()).verdict is Verdict.UNANSWERED


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_before_anything_left_nothing_is_in_doubt(name):
    verdict = classify(CLASSES[name]("text"), Wire(ask=Ask.CREATE)).verdict

    assert verdict in (Verdict.NOT_SENT, Verdict.REFUSED, Verdict.THROTTLED)


@pytest.mark.parametrize("error", [TypeError(), KeyError("x"), ValueError(), AssertionError()])
def test_a_request_that_cannot_be_built_is_refused_for_good(error):
    assert classify(error, Wire(ask=Ask.CREATE)).verdict is Verdict.REFUSED


@pytest.mark.parametrize("error", [TypeError(), KeyError("id"), RuntimeError(), TimeoutError()])
def test_our_own_fault_after_sending_is_doubt(error):
    assert classify(error, Wire(ask=Ask.CREATE, sent=True)).verdict is Verdict.UNANSWERED


def test_an_unknown_exchange_proves_a_throttle_by_status_only():
    busy = errors.RateLimitExceeded("text")

    assert classify(busy, judged(200)).verdict is Verdict.UNANSWERED
    assert classify(busy, judged(429)).verdict is Verdict.THROTTLED


def test_not_found_is_an_answer_to_a_question_and_none_to_an_order():
    missing = errors.OrderNotFound("text")

    assert classify(missing, judged(ask=Ask.READ)).verdict is Verdict.NOT_FOUND
    assert classify(missing, judged(ask=Ask.CANCEL)).verdict is Verdict.NOT_FOUND
    assert classify(missing, judged(ask=Ask.CREATE)).verdict is Verdict.UNANSWERED


BOTH_MARKETS = [
    (400, -1000, "An unknown error", Unanswered),
    (500, -1000, "An unknown error", Unanswered),
    (400, -1001, "Internal error; unable to process your request.", Unanswered),
    (503, -1001, "Internal error; unable to process your request.", Unanswered),
    (400, -1006, "Unexpected response; execution status unknown.", Unanswered),
    (500, -1006, "Unexpected response; execution status unknown.", Unanswered),
    (408, -1007, "Send status unknown; execution status unknown.", Unanswered),
    (200, -1007, "Send status unknown; execution status unknown.", Unanswered),
    (503, -1, "Unknown error, please check your request or try again later.", Unanswered),
    (503, -1, "Service Unavailable.", Unanswered),
    (503, -1008, "Server is currently overloaded with other requests.", Throttled),
    (429, -1003, "Too many requests.", Throttled),
    (418, -1003, "Way too many requests; IP banned until 1.", Throttled),
    (429, -1015, "Too many new orders.", Throttled),
    (400, -1015, "Too many new orders.", Throttled),
    (400, -1021, "Timestamp for this request is outside of the recvWindow.", Throttled),
    (400, -1022, "Signature for this request is not valid.", Refused),
    (401, -2014, "API-key format invalid.", Refused),
    (401, -2015, "Invalid API-key, IP, or permissions for action.", Refused),
    (400, -1013, "Filter failure: LOT_SIZE", Refused),
    (400, -1013, "Filter failure: PRICE_FILTER", Refused),
    (400, -1013, "Filter failure: NOTIONAL", Refused),
    (400, -1013, "Filter failure: MAX_NUM_ORDERS", Refused),
    (400, -1111, "Precision is over the maximum defined for this asset.", Refused),
    (400, -1102, "Mandatory parameter 'price' was not sent.", Refused),
    (400, -1121, "Invalid symbol.", Refused),
    (400, -2013, "Order does not exist.", Unanswered),
]
SPOT_ONLY = [
    (400, -2010, "Duplicate order sent.", Adopt),
    (400, -2010, "Account has insufficient balance for requested action.", Refused),
    (400, -2010, "Order would immediately match and take.", Refused),
    (400, -2010, "Market is closed.", Refused),
]
LINEAR_REFUSALS = (-2018, -2019, -2021, -2022, -2024, -2025, -2026, -2027, -2028)
LINEAR_REFUSALS += (-4120, -4164, -5021, -5022)
LINEAR_ONLY = [
    (400, -4116, "ClientOrderId is duplicated.", Adopt),
    (400, -5028, "Timestamp for this request is outside of the ME recvWindow.", Throttled),
    *[(400, number, "Refused.", Refused) for number in LINEAR_REFUSALS],
]


@pytest.mark.parametrize(
    ("exchange_id", "status", "number", "text", "outcome"),
    [
        *[(SPOT, *row) for row in BOTH_MARKETS + SPOT_ONLY],
        *[(LINEAR, *row) for row in BOTH_MARKETS + LINEAR_ONLY],
    ],
)
def test_what_each_binance_code_proves_about_a_new_order(
    exchange_id, status, number, text, outcome
):
    failure, posted = create(exchange_id, code(status, number, text))

    assert type(failure) is outcome
    assert failure.exchange_code == str(number) or status in (418, 429)
    assert posted == 1


def test_a_bad_key_stays_a_bad_key_after_an_earlier_success():
    """ccxt calls -2015 DDoSProtection then, which would be tried again and again."""

    async def attempt():
        async with venue() as here, session(SPOT) as talk:
            talk.exchange.options["hasAlreadyAuthenticatedSuccessfully"] = True
            here.answers["POST /api/v3/order"] = code(401, -2015)
            await talk.create_order(limit_order("BTC/USDT"))

    with pytest.raises(Refused) as refusal:
        asyncio.run(attempt())

    assert refusal.value.details == {"exception": "DDoSProtection", "exchange_code": "-2015"}


def test_how_long_to_stay_away_is_passed_on():
    failure, _ = create(SPOT, Answer(429, {"code": -1003}, headers={"Retry-After": "17"}))

    assert isinstance(failure, Throttled)
    assert failure.retry_after_s == 17


@pytest.mark.parametrize("exchange_id", [SPOT, LINEAR])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(how="hang"),
        Answer(how="reset"),
        Answer(how="truncate", body={"orderId": 7}),
        Answer(how="gzip", body={"orderId": 7, "symbol": "BTCUSDT"}),
        Answer(body='{"orderId": 7, "symb'),
        Answer(body=""),
        Answer(body="null"),
        Answer(body={}),
        Answer(body=HTML, content_type="text/html"),
        *[html(status) for status in (403, 404, 409, 500, 502, 503, 504, 520, 524)],
        Answer(307, headers={"Location": "/api/v3/order"}),
        code(503, -1, "System is under maintenance."),
    ],
    ids=lambda answer: f"{answer.how}-{answer.status}-{str(answer.body)[:12]}",
)
def test_a_broken_answer_is_doubt_and_the_order_is_posted_once(exchange_id, answer):
    failure, posted = create(exchange_id, answer)

    assert type(failure) is Unanswered
    assert posted == 1


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:{closed}", "http://no-such-host.invalid", "https://127.0.0.1:{open}"]
)
def test_a_connection_that_never_stood_is_proof_that_nothing_was_sent(base):
    async def attempt():
        async with venue() as here, session(SPOT) as talk:
            open_port = here.base.rpartition(":")[2]
            talk.exchange.wire_base = base.format(closed=_closed_port(), open=open_port)
            await talk.create_order(limit_order("BTC/USDT"))

    with pytest.raises(NotSent):
        asyncio.run(attempt())


def test_a_connection_that_hangs_is_proof_that_nothing_was_sent():
    """A listener whose queue is full answers no SYN: the time-out comes while connecting."""

    async def attempt(port):
        async with venue(), session(SPOT) as talk:
            talk.exchange.wire_base = f"http://127.0.0.1:{port}"
            await talk.create_order(limit_order("BTC/USDT"))

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))

        with pytest.raises(NotSent):
            asyncio.run(attempt(port))
        for filler in fillers:
            filler.close()


def test_a_cancel_of_an_order_that_is_gone_is_not_found():
    async def attempt():
        async with venue() as here, session(SPOT) as talk:
            here.answers["DELETE /api/v3/order"] = code(400, -2011, "Unknown order sent.")
            await talk.cancel_order(Call("cancel_order", ("7", "BTC/USDT")))

    with pytest.raises(NotFound):
        asyncio.run(attempt())


def test_an_order_that_cannot_be_shown_is_not_found():
    async def attempt():
        async with venue() as here, session(LINEAR) as talk:
            here.answers["GET /fapi/v1/order"] = code(400, -2013, "Order does not exist.")
            await fetch_order(talk, "BTC/USDT:USDT", client_order_id="aB3")

    with pytest.raises(NotFound):
        asyncio.run(attempt())


def test_an_edit_that_changes_nothing_is_already_as_wanted():
    async def attempt():
        async with venue() as here, session(LINEAR) as talk:
            here.answers["PUT /fapi/v1/order"] = code(400, -5027, "No need to modify the order.")
            await talk.edit_order(_edit("BTC/USDT:USDT"))

    with pytest.raises(Adopt):
        asyncio.run(attempt())


@pytest.mark.parametrize(("status", "number"), [(409, -2021), (400, -2022)])
def test_half_of_a_replacement_may_have_happened(status, number):
    async def attempt():
        async with venue() as here, session(SPOT) as talk:
            here.answers["POST /api/v3/order/cancelReplace"] = Answer(
                status,
                {
                    "code": number,
                    "msg": "Order cancel-replace partially failed.",
                    "data": {"cancelResult": "SUCCESS", "newOrderResult": "FAILURE"},
                },
            )
            await talk.edit_order(_edit("BTC/USDT"))

    with pytest.raises(Unanswered):
        asyncio.run(attempt())


def test_nothing_that_is_raised_carries_the_signed_query_or_the_key():
    async def attempt():
        async with venue() as here, session(SPOT) as talk:
            here.answers["DELETE /api/v3/order"] = Answer(how="reset")
            await talk.cancel_order(Call("cancel_order", ("7", "BTC/USDT")))

    with pytest.raises(CallFailed) as failure:
        asyncio.run(attempt())

    shown = f"{failure.value!r} {failure.value.details} {failure.value.outcome}"
    shown += "".join(traceback.format_exception(failure.value))
    assert "signature=" not in shown
    assert "api.binance.com" not in shown
    assert failure.value.__cause__ is failure.value.__context__ is None


def test_a_wrong_clock_is_measured_before_the_next_call():
    async def attempt():
        async with venue() as here, session(SPOT) as talk:
            here.answers["POST /api/v3/order"] = code(400, -1021)
            here.answers["GET /api/v3/time"] = Answer(
                body={"serverTime": talk.exchange.milliseconds() - 5000}
            )
            for _ in range(2):
                with pytest.raises(Throttled):
                    await talk.create_order(limit_order("BTC/USDT"))
            return here.count("GET", "/api/v3/time"), talk.exchange.options["timeDifference"]

    measured, offset_ms = asyncio.run(attempt())

    assert measured == 1
    assert 4000 < offset_ms < 6000


def _edit(symbol: str) -> Call:
    return Call("edit_order", ("7", symbol, "limit", "buy", "0.002", "21000"))


def _closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
