"""Conditional orders on a real socket: every type, on spot and on USD-M, where they live apart."""

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.evidence import normalize
from gateway.evidence.raw import canonical_json
from gateway.sending import carrying, recover
from gateway.sending.carrying import waits_apart
from gateway.sessions.finding import fetch_order, fetch_order_trades
from gateway.sessions.outcomes import Adopt, NotFound, Refused, Unanswered
from gateway.sessions.session import Session
from gateway.tests.paper import Paper
from gateway.tests.trading import LINEAR, MARKETS, SPOT, trading
from gateway.worker import watch
from positions.engine.types import OrderStatus, OrderType, Side
from positions.ids import new_exchange_client_order_id
from positions.models import ExchangeOrder, Instruction, InstructionKind, Order
from positions.reports import Reports

BOTH = pytest.mark.parametrize("exchange_id", [SPOT, LINEAR])
# Sells at 60,000: which prices they have, and where the price has to go.
PRICES = {
    OrderType.STOP: ({"trigger_price": Decimal(59000)}, "58500"),
    OrderType.STOP_LIMIT: (
        {"trigger_price": Decimal(59000), "price": Decimal(58000)},
        "58500",
    ),
    OrderType.TAKE_PROFIT: ({"trigger_price": Decimal(61000)}, "61500"),
    OrderType.TAKE_PROFIT_LIMIT: (
        {"trigger_price": Decimal(61000), "price": Decimal(60500)},
        "61500",
    ),
    OrderType.TRAILING_STOP: ({}, "59000"),
}
EVERY = pytest.mark.parametrize("kind", PRICES)
LOST = ["reset", "truncated", "empty", "null", "html", "silence"]


@pytest.fixture(autouse=True)
def _same_price(paper: Paper):
    paper.control("POST", "prices", symbol="BTCUSDT", price="60000")


def sell(exchange_id: str, kind: OrderType, *, reduce_only: bool = False) -> ExchangeOrder:
    """A small conditional sell, as a lane hands it over."""
    order = Order(
        symbol=MARKETS[exchange_id][1],
        side=Side.SELL,
        order_type=kind,
        trailing={"percent": "1"} if kind is OrderType.TRAILING_STOP else None,
        params={},
    )
    return ExchangeOrder(
        order=order,
        symbol=order.symbol,
        client_order_id=new_exchange_client_order_id(),
        qty=Decimal("0.01"),
        reduce_only=reduce_only,
        created_at=datetime.now(UTC),
        **PRICES[kind][0],
    )


async def tell(talk: Session, kind: InstructionKind, leg: ExchangeOrder) -> Reports:
    """Carry an instruction out; the leg learns its id, as booking would see to."""
    told = Instruction(kind=kind, order=leg.order, exchange_order=leg)
    reports = read(talk, [await carrying.carry(talk, told)])
    learn(leg, reports)
    return reports


async def find(talk: Session, leg: ExchangeOrder) -> Reports:
    """What a look-up shows, with the order that a trigger names and its trades."""
    reports = read(talk, await recover._find(talk, leg))
    learn(leg, reports)
    if leg.exchange_order_id is None:
        return reports
    if reports.orders[-1].conditional_order_id is not None:
        placed = await fetch_order(talk, leg.symbol, exchange_order_id=leg.exchange_order_id)
        reports += read(talk, [placed])
    trades = await fetch_order_trades(talk, leg.symbol, leg.exchange_order_id)
    return reports + read(talk, trades=trades)


def learn(leg: ExchangeOrder, reports: Reports) -> None:
    for report in reports.orders:
        leg.conditional_order_id = report.conditional_order_id or leg.conditional_order_id
        leg.exchange_order_id = report.exchange_order_id or leg.exchange_order_id


def read(talk: Session, orders=(), trades=()) -> Reports:
    reading = normalize.reports(
        exchange_id=talk.exchange_id, observed_at=datetime.now(UTC), orders=orders, trades=trades
    )
    assert reading.unreadable == ()
    return reading.reports


@BOTH
@EVERY
async def test_it_rests_where_it_is_looked_for_and_is_cancelled_there(paper, exchange_id, kind):
    leg = sell(exchange_id, kind)
    async with trading(paper, exchange_id) as (talk, symbol, _):
        created = await tell(talk, InstructionKind.CREATE, leg)
        apart = waits_apart(talk, leg)
        listed = await talk.fetch_open_orders(symbol, conditional=apart)
        elsewhere = await talk.fetch_open_orders(symbol, conditional=not apart)
        by_ours = await fetch_order(
            talk, symbol, client_order_id=leg.client_order_id, conditional=apart
        )
        found = await find(talk, leg)
        await tell(talk, InstructionKind.CANCEL, leg)
        with pytest.raises(NotFound):
            await tell(talk, InstructionKind.CANCEL, leg)
        ended = await find(talk, leg)

    assert apart is (exchange_id == LINEAR)
    assert [one["id"] for one in listed] == [by_ours["id"]]
    assert elsewhere == ([] if apart else listed)
    for reports, status in (
        (created, OrderStatus.SUBMITTED),
        (found, OrderStatus.SUBMITTED),
        (ended, OrderStatus.CANCELED),
    ):
        (report,) = reports.orders
        assert (report.status, report.filled_qty) == (status, 0)
        assert report.client_order_id == leg.client_order_id
        assert (report.exchange_order_id is None) is apart


@BOTH
@EVERY
async def test_the_price_triggers_it_and_its_fills_are_found(paper, exchange_id, kind):
    leg = sell(exchange_id, kind)
    async with trading(paper, exchange_id) as (talk, *_):
        await tell(talk, InstructionKind.CREATE, leg)
        paper.control("POST", "prices", symbol="BTCUSDT", price=PRICES[kind][1])
        with pytest.raises(NotFound):
            await tell(talk, InstructionKind.CANCEL, leg)
        reports = await find(talk, leg)

    final = reports.orders[-1]
    assert (final.status, final.filled_qty) == (OrderStatus.FILLED, Decimal("0.01"))
    assert final.client_order_id == leg.client_order_id
    assert sum(trade.qty for trade in reports.trades) == Decimal("0.01")
    assert {trade.exchange_order_id for trade in reports.trades} == {leg.exchange_order_id}
    if exchange_id == LINEAR:
        assert reports.orders[0].status is OrderStatus.SUBMITTED
        assert reports.orders[0].filled_qty is None
        assert leg.conditional_order_id != leg.exchange_order_id


@pytest.mark.parametrize("triggers_meanwhile", [False, True])
@pytest.mark.parametrize("fault", LOST)
async def test_one_whose_answer_was_lost_is_posted_once_and_found(paper, fault, triggers_meanwhile):
    leg = sell(LINEAR, OrderType.STOP)
    async with trading(paper, LINEAR) as (talk, _, key):
        paper.control("POST", "faults", kind=fault, route="POST /fapi/v1/algoOrder", count=1)
        with pytest.raises(Unanswered):
            await tell(talk, InstructionKind.CREATE, leg)
        if triggers_meanwhile:
            paper.control("POST", "prices", symbol="BTCUSDT", price="58500")
        reports = await find(talk, leg)

    wanted = OrderStatus.FILLED if triggers_meanwhile else OrderStatus.SUBMITTED
    assert reports.orders[-1].status is wanted
    assert paper.posts(key) == {leg.client_order_id: 1}


@BOTH
async def test_a_live_client_id_is_adopted(paper, exchange_id):
    leg = sell(exchange_id, OrderType.STOP)
    async with trading(paper, exchange_id) as (talk, *_):
        await tell(talk, InstructionKind.CREATE, leg)

        with pytest.raises(Adopt):
            await tell(talk, InstructionKind.CREATE, leg)


@BOTH
async def test_a_trigger_that_the_price_has_passed_is_the_exchanges_to_refuse(paper, exchange_id):
    leg = sell(exchange_id, OrderType.STOP)
    leg.trigger_price = Decimal(61000)
    async with trading(paper, exchange_id) as (talk, *_):
        with pytest.raises(Refused) as refusal:
            await tell(talk, InstructionKind.CREATE, leg)

    assert refusal.value.exception == "OrderImmediatelyFillable"


async def test_one_that_may_not_execute_when_triggered_is_rejected_then(paper):
    """Reduce-only, and nothing to reduce: no order comes of it."""
    leg = sell(LINEAR, OrderType.STOP, reduce_only=True)
    async with trading(paper, LINEAR) as (talk, *_):
        await tell(talk, InstructionKind.CREATE, leg)
        paper.control("POST", "prices", symbol="BTCUSDT", price="58500")
        (report,) = (await find(talk, leg)).orders

    assert (report.status, report.filled_qty) == (OrderStatus.REJECTED, 0)
    assert report.exchange_order_id is None


async def test_streams_tell_triggers_and_what_they_place(paper):
    leg, news = sell(LINEAR, OrderType.STOP), []
    connected = asyncio.Event()

    async def on_connected():
        connected.set()

    async def keep(rows):
        news.extend(json.loads(canonical_json(one)) for one in rows)

    async def ignore(_):
        """Nothing to do."""

    async with trading(paper, "ccxtpro.binanceusdm") as (talk, *_):
        watching = asyncio.create_task(
            watch.watch(
                talk, on_orders=keep, on_trades=ignore, on_connected=on_connected, on_lost=ignore
            )
        )
        await asyncio.wait_for(connected.wait(), 10)
        await tell(talk, InstructionKind.CREATE, leg)
        paper.control("POST", "prices", symbol="BTCUSDT", price="58500")
        async with asyncio.timeout(10):
            while not any(one["info"].get("X") == "FINISHED" for one in news):
                await asyncio.sleep(0.02)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        reports = read(talk, news)

    triggers = [one for one in reports.orders if one.conditional_order_id]
    placed = [one for one in reports.orders if not one.conditional_order_id]
    assert {one.conditional_order_id for one in triggers} == {leg.conditional_order_id}
    assert {one.status for one in triggers} == {OrderStatus.SUBMITTED}
    assert triggers[-1].exchange_order_id == placed[-1].exchange_order_id
    assert placed[-1].status is OrderStatus.FILLED
    assert {one.client_order_id for one in reports.orders} == {leg.client_order_id}


async def test_a_burst_of_news_is_heard_whole_however_slowly_it_is_booked(paper):
    legs, ended = [sell(LINEAR, OrderType.STOP) for _ in range(4)], set()
    connected = asyncio.Event()

    async def on_connected():
        connected.set()

    async def book_slowly(rows):
        await asyncio.sleep(0.2)
        ended.update(one["clientOrderId"] for one in rows if one["info"].get("X") == "FINISHED")

    async def ignore(_):
        """Nothing to do."""

    async with trading(paper, "ccxtpro.binanceusdm") as (talk, *_):
        watching = asyncio.create_task(
            watch.watch(
                talk,
                on_orders=book_slowly,
                on_trades=ignore,
                on_connected=on_connected,
                on_lost=ignore,
            )
        )
        await asyncio.wait_for(connected.wait(), 10)
        for leg in legs:
            await tell(talk, InstructionKind.CREATE, leg)
        paper.control("POST", "prices", symbol="BTCUSDT", price="58500")
        async with asyncio.timeout(10):
            while len(ended) < len(legs):
                await asyncio.sleep(0.02)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    assert ended == {leg.client_order_id for leg in legs}
