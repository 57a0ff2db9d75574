"""Does the path of an order assume any of Binance's habits? The same path, through kraken.

The answers are recorded from Kraken's documentation: ids only on create, fills as ids inside the
order, errors with HTTP 200.
"""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gateway.evidence import normalize
from gateway.evidence.about import About
from gateway.sending import carrying
from gateway.sessions.finding import fetch_order, fetch_order_trades
from gateway.sessions.outcomes import NotFound, Refused, Unanswered
from gateway.tests.venue import Answer, session, venue
from positions.engine.types import MarketKind, OrderStatus, OrderType, Side
from positions.models import ExchangeOrder, Instruction, InstructionKind, Order

NOW = datetime(2026, 1, 2, tzinfo=UTC)
OUR_ID = "aB3456789012345678"
TXID = "OUF4EM-FRGI2-MQMWZD"
KRAKEN = "ccxt.kraken"
ADD, QUERY, OPEN, CLOSED, TRADES, CANCEL = (
    f"POST /0/private/{name}"
    for name in ("AddOrder", "QueryOrders", "OpenOrders", "ClosedOrders", "TradesHistory",
                 "CancelOrder")
)  # fmt: skip
ACCEPTED = {
    "error": [],
    "result": {
        "txid": [TXID],
        "descr": {"order": "buy 1.25000000 XBTUSD @ limit 27500.1", "close": ""},
    },
}
ROW = {
    "refid": None,
    "userref": 0,
    "cl_ord_id": OUR_ID,
    "status": "closed",
    "opentm": 1688666559.8974,
    "closetm": 1688666600.5,
    "descr": {
        "pair": "XBTUSD",
        "type": "buy",
        "ordertype": "limit",
        "price": "27500.1",
        "price2": "0",
        "order": "buy 1.25000000 XBTUSD @ limit 27500.1",
    },
    "vol": "1.25000000",
    "vol_exec": "1.25000000",
    "cost": "34375.1250",
    "fee": "55.0",
    "price": "27500.10",
    "oflags": "fciq",
    "trades": ["TZ63HS-YBD4M-3RDG7H"],
}
FILL = {
    "ordertxid": TXID,
    "postxid": "TKH2SE-M7IF5-CFI7LT",
    "pair": "XXBTZUSD",
    "time": 1688666600.4321,
    "type": "buy",
    "ordertype": "limit",
    "price": "27500.10000",
    "cost": "34375.1250",
    "fee": "55.00002",
    "vol": "1.25000000",
    "misc": "",
}
PAIR = {
    "altname": "XBTUSD",
    "wsname": "XBT/USD",
    "aclass_base": "currency",
    "base": "XXBT",
    "aclass_quote": "currency",
    "quote": "ZUSD",
    "lot": "unit",
    "cost_decimals": 5,
    "pair_decimals": 1,
    "lot_decimals": 8,
    "leverage_buy": [2, 3],
    "leverage_sell": [2, 3],
    "fees": [[0, 0.4]],
    "fees_maker": [[0, 0.25]],
    "ordermin": "0.0001",
    "costmin": "0.5",
    "tick_size": "0.1",
    "status": "online",
}
ASSETS = {
    "XXBT": {"aclass": "currency", "altname": "XBT", "decimals": 10, "display_decimals": 5},
    "ZUSD": {"aclass": "currency", "altname": "USD", "decimals": 4, "display_decimals": 2},
}


def instruction(kind=InstructionKind.CREATE, **leg) -> Instruction:
    """A stored row, as a lane hands it over."""
    order = Order(
        symbol="BTC/USD", side=Side.BUY, order_type=OrderType.LIMIT, reduce_only=True, params={}
    )
    exchange_order = ExchangeOrder(
        client_order_id=OUR_ID, qty=Decimal("1.25"), price=Decimal("27500.1"), **leg
    )
    return Instruction(kind=kind, order=order, exchange_order=exchange_order)


def run(work, **answers):
    """Run ``work(session, venue)`` against recorded answers, by variable names above."""

    async def attempt():
        async with venue() as here:
            here.answers |= {
                "GET /0/public/Assets": Answer(body={"error": [], "result": ASSETS}),
                "GET /0/public/AssetPairs": Answer(
                    body={"error": [], "result": {"XXBTZUSD": PAIR}}
                ),
            }
            here.answers |= {globals()[name]: answer for name, answer in answers.items()}
            async with session(KRAKEN) as talk:
                return await work(talk, here)

    return asyncio.run(attempt())


def read(orders=(), trades=()):
    reading = normalize.reports(exchange_id=KRAKEN, observed_at=NOW, orders=orders, trades=trades)
    assert reading.unreadable == ()
    return reading.reports


def test_an_order_is_sent_with_our_id_and_its_sparse_answer_is_read():
    async def work(talk, here):
        answer = await carrying.carry(talk, instruction())
        return here.sent("POST", "/0/private/AddOrder"), answer

    sent, answer = run(work, ADD=Answer(body=ACCEPTED))

    assert sent["cl_ord_id"] == OUR_ID
    assert (sent["volume"], sent["price"], sent["pair"]) == ("1.25", "27500.1", "XXBTZUSD")
    assert "reduce_only" not in sent
    about = About("BTC/USD", "buy", OUR_ID, is_answer=True)
    report = read([about.completed(answer)]).orders[0]
    assert (report.symbol, report.exchange_order_id) == ("BTC/USD", TXID)
    assert (report.status, report.client_order_id) == (None, OUR_ID)


def test_its_fills_are_read_exactly_and_once():
    async def work(talk, here):
        order = await fetch_order(talk, "BTC/USD", exchange_order_id=TXID)
        return order, await fetch_order_trades(talk, "BTC/USD", TXID, 1688666559897)

    order, trades = run(
        work,
        QUERY=Answer(body={"error": [], "result": {TXID: ROW}}),
        TRADES=Answer(body={"error": [], "result": {"trades": {"TZ63HS-YBD4M-3RDG7H": FILL}}}),
    )

    reports = read([order], trades)
    assert reports.orders[0].status is OrderStatus.FILLED
    assert [(one.exchange_trade_id, one.exchange_order_id) for one in reports.trades] == [
        ("TZ63HS-YBD4M-3RDG7H", TXID)
    ]
    fill = reports.trades[0]
    assert (fill.qty, fill.price) == (Decimal("1.25"), Decimal("27500.1"))
    assert (fill.fee, fill.fee_currency, fill.side) == (Decimal("55.00002"), "USD", Side.BUY)


def test_an_unanswered_order_is_found_again_by_our_id_in_the_lists():
    async def work(talk, here):
        with pytest.raises(Unanswered):
            await carrying.carry(talk, instruction())
        found = await fetch_order(talk, "BTC/USD", client_order_id=OUR_ID)
        with pytest.raises(NotFound):
            await fetch_order(talk, "BTC/USD", client_order_id="aB0")
        return found["id"], here.count("POST", "/0/private/AddOrder")

    found, posted = run(
        work,
        ADD=Answer(how="reset"),
        OPEN=Answer(body={"error": [], "result": {"open": {TXID: ROW | {"status": "open"}}}}),
        CLOSED=Answer(body={"error": [], "result": {"closed": {}}}),
    )

    assert (found, posted) == (TXID, 1)


def test_a_refusal_with_http_200_is_a_refusal():
    async def work(talk, here):
        await carrying.carry(talk, instruction())

    with pytest.raises(Refused) as refusal:
        run(work, ADD=Answer(body={"error": ["EOrder:Insufficient funds"]}))

    assert refusal.value.details == {
        "exception": "InsufficientFunds",
        "exchange_code": "EOrder:Insufficient funds",
    }


@pytest.mark.parametrize("text", ["EService:Timeout", "EGeneral:Internal error", "EService:Busy"])
def test_an_error_that_proves_nothing_is_doubt(text):
    async def work(talk, here):
        await carrying.carry(talk, instruction())

    with pytest.raises(Unanswered):
        run(work, ADD=Answer(body={"error": [text]}))


def test_an_order_without_its_id_is_cancelled_by_ours():
    async def work(talk, here):
        await carrying.carry(talk, instruction(InstructionKind.CANCEL))
        return here.sent("POST", "/0/private/CancelOrder")

    sent = run(work, CANCEL=Answer(body={"error": [], "result": {"count": 1}}))

    assert sent["cl_ord_id"] == OUR_ID


def test_a_change_in_place_is_refused_before_anything_is_sent():
    async def work(talk, here):
        change = instruction(InstructionKind.EDIT, exchange_order_id=TXID)
        change.payload = {"replace": {"qty": "2", "price": "27500.1", "trigger_price": None}}
        with pytest.raises(Refused):
            await carrying.carry(talk, change)
        return here.count("POST", "/0/private/EditOrder")

    assert run(work) == 0


def test_its_market_rules_are_exact():
    async def work(talk, here):
        return {one.symbol: one for one in (await _rules(talk))}["BTC/USD"]

    known = run(work)

    assert known.kind is MarketKind.SPOT
    assert (known.amount_step, known.price_step) == (Decimal("0.00000001"), Decimal("0.1"))
    assert (known.min_amount, known.min_cost) == (Decimal("0.0001"), Decimal("0.5"))
    assert not known.edits_in_place


async def _rules(talk):
    from gateway.tests.venue import _loaded  # Filled when the session opened.

    return _loaded[talk.exchange_id].rules
