"""Do sessions and streams do on a real socket what they promise? Spot and USD-M futures.

The paper venue keeps a journal and counts what it was sent; that is what is compared with.
"""

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.evidence import normalize
from gateway.evidence.raw import canonical_json
from gateway.sending import carrying
from gateway.sessions.call import Call
from gateway.sessions.finding import fetch_closed_orders, fetch_order, fetch_order_trades
from gateway.sessions.outcomes import Adopt, NoSession, NotFound, Refused, Throttled, Unanswered
from gateway.tests.trading import LINEAR, MARKETS, SPOT, trading
from gateway.worker import watch
from positions.engine.types import OrderStatus, OrderType, Side
from positions.ids import new_exchange_client_order_id
from positions.models import ExchangeOrder, Instruction, InstructionKind, Order

ROUTES = {SPOT: "/api/v3/order", LINEAR: "/fapi/v1/order"}
BOTH = pytest.mark.parametrize("exchange_id", [SPOT, LINEAR])


def at_market(symbol: str, qty="0.01", side="buy", our_id: str | None = None) -> Call:
    params = {"clientOrderId": our_id or new_exchange_client_order_id()}
    return Call("create_order", (symbol, "market", side, qty, None), params)


def resting(symbol: str, price="20000", our_id: str | None = None) -> Call:
    params = {"clientOrderId": our_id or new_exchange_client_order_id()}
    return Call("create_order", (symbol, "limit", "buy", "0.01", price), params)


def read(exchange_id, orders=(), trades=()):
    reading = normalize.reports(
        exchange_id=exchange_id, observed_at=datetime.now(UTC), orders=orders, trades=trades
    )
    assert reading.unreadable == ()
    return reading.reports


@BOTH
async def test_a_market_order_is_filled_and_its_fills_are_exact(paper, exchange_id):
    async with trading(paper, exchange_id) as (talk, symbol, _):
        before = Decimal((await talk.fetch_balance())["total"]["USDT"])
        call = at_market(symbol)
        answer = await talk.create_order(call)
        trades = await fetch_order_trades(talk, symbol, answer["id"])
        after = Decimal((await talk.fetch_balance())["total"]["USDT"])

    reports = read(exchange_id, [answer], trades)
    assert reports.orders[0].status is OrderStatus.FILLED
    assert reports.orders[0].client_order_id == call.params["clientOrderId"]
    assert sum(one.qty for one in reports.trades) == Decimal("0.01")
    assert {one.side for one in reports.trades} == {Side.BUY}
    assert all(one.fee is not None and one.fee_currency for one in reports.trades)
    if exchange_id == SPOT:
        assert before - after == sum(one.qty * one.price for one in reports.trades)


@BOTH
async def test_an_order_rests_is_listed_and_is_cancelled(paper, exchange_id):
    async with trading(paper, exchange_id) as (talk, symbol, _):
        call = resting(symbol)
        our_id = call.params["clientOrderId"]
        shown = await talk.create_order(call)
        listed = await talk.fetch_open_orders(symbol)
        found = await fetch_order(talk, symbol, client_order_id=our_id)
        ended = await talk.cancel_order(Call("cancel_order", (shown["id"], symbol)))
        with pytest.raises(NotFound):
            await talk.cancel_order(Call("cancel_order", (shown["id"], symbol)))
        final = await fetch_closed_orders(talk, symbol, talk.now_ms() - 60_000)

    assert [one["id"] for one in listed] == [found["id"]] == [shown["id"]]
    for order in (ended, final[0]):
        report = read(exchange_id, [order]).orders[0]
        assert (report.status, report.client_order_id) == (OrderStatus.CANCELED, our_id)


@BOTH
async def test_a_live_client_id_is_adopted_and_a_used_one_is_free_again(paper, exchange_id):
    """Binance's habit, and the reason why nothing is ever sent a second time."""
    async with trading(paper, exchange_id) as (talk, symbol, _):
        first = await talk.create_order(resting(symbol, our_id="aB3"))
        with pytest.raises(Adopt):
            await talk.create_order(resting(symbol, our_id="aB3"))
        await talk.cancel_order(Call("cancel_order", (first["id"], symbol)))
        second = await talk.create_order(resting(symbol, our_id="aB3"))

    assert first["id"] != second["id"]


@BOTH
@pytest.mark.parametrize("kind", ["reset", "truncated", "empty", "null", "html", "silence"])
async def test_an_order_whose_answer_was_lost_is_posted_once_and_found(paper, exchange_id, kind):
    async with trading(paper, exchange_id) as (talk, symbol, key):
        paper.control("POST", "faults", kind=kind, route=f"POST {ROUTES[exchange_id]}", count=1)
        call = at_market(symbol)
        our_id = call.params["clientOrderId"]
        with pytest.raises(Unanswered):
            await talk.create_order(call)
        found = await fetch_order(talk, symbol, client_order_id=our_id)
        trades = await fetch_order_trades(talk, symbol, found["id"])

    reports = read(exchange_id, [found], trades)
    assert reports.orders[0].status is OrderStatus.FILLED
    assert sum(one.qty for one in reports.trades) == Decimal("0.01")
    assert paper.posts(key) == {our_id: 1}


@BOTH
@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"kind": "gateway", "status": 502}, Unanswered),
        ({"kind": "gateway", "status": 504}, Unanswered),
        ({"kind": "refuse", "code": -1006}, Unanswered),
        ({"kind": "refuse", "code": -1008}, Throttled),
        ({"kind": "refuse", "code": -2015}, Refused),
        ({"kind": "storm"}, Throttled),
    ],
    ids=str,
)
async def test_an_order_that_was_not_accepted_exists_nowhere(paper, exchange_id, fault, outcome):
    async with trading(paper, exchange_id) as (talk, symbol, _):
        paper.control("POST", "faults", route=f"POST {ROUTES[exchange_id]}", count=1, **fault)
        call = at_market(symbol)
        with pytest.raises(outcome):
            await talk.create_order(call)
        with pytest.raises(NotFound):
            await fetch_order(talk, symbol, client_order_id=call.params["clientOrderId"])


async def test_a_lagging_lookup_says_not_found_of_an_order_that_exists(paper):
    async with trading(paper, SPOT) as (talk, symbol, _):
        paper.control("POST", "faults", kind="lookup_lag", ms=700)
        call = resting(symbol)
        await talk.create_order(call)
        our_id = call.params["clientOrderId"]
        with pytest.raises(NotFound):
            await fetch_order(talk, symbol, client_order_id=our_id)
        await asyncio.sleep(0.9)

        assert await fetch_order(talk, symbol, client_order_id=our_id)


async def test_an_order_of_a_contract_is_changed_in_place(paper):
    order, leg = _rows(LINEAR, OrderType.LIMIT, price="20000")
    async with trading(paper, LINEAR) as (talk, symbol, _):
        answer = await carrying.carry(talk, _told(InstructionKind.CREATE, order, leg))
        leg.exchange_order_id = answer["id"]
        wanted = {"qty": "0.02", "price": "21000", "trigger_price": None}
        await carrying.carry(talk, _told(InstructionKind.EDIT, order, leg, replace=wanted))
        changed = await fetch_order(talk, symbol, exchange_order_id=answer["id"])

    report = read(LINEAR, [changed]).orders[0]
    assert (report.qty, report.price) == (Decimal("0.02"), Decimal(21000))
    assert report.client_order_id == leg.client_order_id


async def test_reduce_only_is_refused_by_the_exchange_when_there_is_nothing_to_reduce(paper):
    order, leg = _rows(LINEAR, OrderType.MARKET)
    leg.reduce_only = True
    async with trading(paper, LINEAR) as (talk, *_):
        with pytest.raises(Refused) as refusal:
            await carrying.carry(talk, _told(InstructionKind.CREATE, order, leg))

    assert refusal.value.exchange_code == "-2022"


async def test_positions_and_their_mode_are_told(paper):
    async with trading(paper, LINEAR) as (talk, symbol, _):
        await talk.create_order(at_market(symbol))
        held = await talk.fetch_positions([symbol])

        assert await talk.is_two_way(symbol) is False
    assert [Decimal(one["contracts"]) for one in held if Decimal(one["contracts"])] == [
        Decimal("0.01")
    ]


@pytest.mark.parametrize("exchange_id", ["ccxtpro.binance", "ccxtpro.binanceusdm"])
async def test_streams_tell_orders_and_fills_and_ask_for_what_was_missed(paper, exchange_id):
    plain = exchange_id.replace("ccxtpro.", "ccxt.")
    orders, trades, gaps, losses = [], [], [], []
    connected = asyncio.Event()

    async def on_connected():
        gaps.append(len(losses))
        connected.set()

    async def keep(into, news):
        into.extend(json.loads(canonical_json(one)) for one in news)

    async def lost(reason):
        losses.append(reason)

    async with trading(paper, exchange_id) as (talk, symbol, _):
        watching = asyncio.create_task(
            watch.watch(
                talk,
                on_orders=lambda news: keep(orders, news),
                on_trades=lambda news: keep(trades, news),
                on_connected=on_connected,
                on_lost=lost,
            )
        )
        for _ in range(2):  # The second time after the stream was cut.
            await asyncio.wait_for(connected.wait(), 10)
            connected.clear()
            await asyncio.sleep(0.3)
            before = len(trades)
            await talk.create_order(at_market(symbol))
            await _until(lambda before=before: len(trades) > before)
            await _until(lambda: orders and orders[-1]["status"] == "closed")
            paper.control("POST", "streams/drop")
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    reports = read(plain, orders, trades)
    assert sum(one.qty for one in reports.trades) == Decimal("0.02")
    assert len({one.exchange_order_id for one in reports.trades}) == 2
    assert gaps[:2] == [0, 1]
    assert losses


async def test_a_polling_account_has_no_streams(paper):
    async def never(*_):
        raise AssertionError

    async with trading(paper, SPOT) as (talk, *_):
        with pytest.raises(NoSession):
            await watch.watch(
                talk, on_orders=never, on_trades=never, on_connected=never, on_lost=never
            )


def _rows(exchange_id, kind, *, price=None, trigger=None) -> tuple[Order, ExchangeOrder]:
    order = Order(symbol=MARKETS[exchange_id][1], side=Side.BUY, order_type=kind, params={})
    leg = ExchangeOrder(
        client_order_id=new_exchange_client_order_id(),
        qty=Decimal("0.01"),
        price=None if price is None else Decimal(price),
        trigger_price=None if trigger is None else Decimal(trigger),
    )
    return order, leg


def _told(kind, order, leg, **payload) -> Instruction:
    return Instruction(kind=kind, order=order, exchange_order=leg, payload=payload)


async def _until(true, timeout_s=5):
    async with asyncio.timeout(timeout_s):
        while not true():
            await asyncio.sleep(0.02)
