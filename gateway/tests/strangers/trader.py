"""An account of ours at the paper venue, and somebody else with the same login."""

from contextlib import contextmanager
from decimal import Decimal
from itertools import count
from time import monotonic, sleep

import pytest
from django.db.models import Model

from accounts.models import Credentials
from gateway import loop
from gateway.models import RawOrder, RawTrade
from gateway.reconcile import comparing, importing, opening
from gateway.reconcile.comparing import Answer
from gateway.sessions import kept as sessions
from gateway.sessions import markets
from gateway.sessions.call import Call
from gateway.tests.paper import Paper
from positions.models import Deal, Event, Execution, Order, Position
from positions.tests.desk import Desk

D = Decimal
SPOT, LINEAR = ("ccxt.binance", "spot", "BTC/USDT"), ("ccxt.binanceusdm", "linear", "BTC/USDT:USDT")
BOTH = pytest.mark.parametrize("where", [SPOT, LINEAR], ids=["spot", "linear"])
TABLES: tuple[type[Model], ...] = (Order, Execution, Deal, Position, Event, RawOrder, RawTrade)
PAID_WITHIN_S = 30.0
_logins = count(1)


class Trader:
    """An account of ours, and somebody else with the same login."""

    def __init__(self, paper: Paper, where, *, money: str = "1000000", **settings) -> None:
        exchange_id, market, self.symbol = where
        self.key = f"importing-{next(_logins):04}"
        self.paper = paper
        balances = {"USDT": money, "BTC": "10"} if market == "spot" else {"USDT": money}
        paper.control("POST", "logins", api_key=self.key, secret="s", market=market,
                      balances=balances)  # fmt: skip
        self.desk = Desk(self.symbol, exchange_id=exchange_id, **settings)
        Credentials.objects.create(account=self.desk.account, api_key=self.key, secret="s")
        loop.call(markets.refresh(self.pk), 20)
        self.hurry()

    @property
    def pk(self) -> int:
        return self.desk.account.pk

    def hurry(self) -> None:
        """Ask without waiting for the limits of an exchange that has none for us."""

        async def unlimited():
            session = await sessions.open_for(self.pk)
            session.exchange.enableRateLimit = False

        loop.call(unlimited(), 20)

    def strange(self, side="buy", qty="0.01", price=None, our_id=None) -> dict:
        """An order that the OMS was not asked for."""

        async def place():
            session = await sessions.open_for(self.pk)
            kind = "market" if price is None else "limit"
            args = (self.symbol, kind, side, qty, price)
            params = {"clientOrderId": our_id or f"web{next(_logins)}"}
            return await session.create_order(Call("create_order", args, params))

        return loop.call(place(), 20)

    def bring_in(self, **options):
        return loop.call(importing.bring_in(self.pk, **options), 60)

    def begin(self) -> None:
        """The first connection: nothing was traded."""
        self.bring_in(everything=True)
        loop.call(opening.record(self.pk), 20)

    def begin_at_last(self) -> None:
        """The opening is recorded, however often that takes."""
        for _ in range(3):
            loop.call(opening.record(self.pk), 20)

    def compared(self) -> dict[str, Answer]:
        return {one.what: one.answer for one in comparing.compare(self.pk, 30)}

    def externals(self) -> list[Order]:
        return list(Order.objects.filter(account_id=self.pk, reason="external").order_by("id"))

    def rows(self) -> dict[str, int]:
        return {table.__name__: table.objects.count() for table in TABLES}


@contextmanager
def failing(paper, route, **fault):
    fault = fault or {"kind": "gateway", "status": 502}
    paper.control("POST", "faults", route=route, **fault)
    yield
    paper.control("DELETE", "faults")


def bought(trader: Trader, qty: str) -> Position:
    """A position of ours: sent through the exchange, booked by bringing it in."""
    order = trader.desk.send("buy", qty)
    trader.desk.claim()
    trader.strange("buy", qty, our_id=trader.desk.leg(order).client_order_id)
    trader.bring_in()
    order.refresh_from_db()
    assert order.filled_qty == D(qty)
    return order.position


def paid_after(trader: Trader, least: int) -> list[dict]:
    """The venue's funding rows, once there are so many."""

    async def rows():
        session = await sessions.open_for(trader.pk)
        return [row async for page in session.funding_payments(None, 0) for row in page]

    until_s = monotonic() + PAID_WITHIN_S
    while monotonic() < until_s:
        trader.paper.control("POST", "step", count=1)
        if len(found := loop.call(rows(), 20)) >= least:
            return found
        sleep(0.1)
    raise AssertionError("no funding was paid")
