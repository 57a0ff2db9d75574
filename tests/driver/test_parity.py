"""Is the driver like the exchange's own class? The same calls to both, on one venue.

Only ids, ``info``, times, fees and which trades an order lists may differ.
"""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import ccxt
import pytest

from tests.paper.conftest import point, secret_of

pytestmark = pytest.mark.e2e
CALLS = 200
SYMBOL = "BTC/USDT"
MAY_DIFFER = {
    "id", "clientOrderId", "order", "info", "timestamp", "datetime", "lastTradeTimestamp",
    "lastUpdateTimestamp", "fee", "fees", "trades", "nonce", "takerOrMaker", "type of a trade",
}  # fmt: skip
MONEY = {"USDT": "1000000"}
# The OMS says so before the exchange does, and more precisely than ccxt reads this exchange's code.
TOO_SMALL = "refused: too small"


@pytest.fixture(scope="module")
def pair(desk):
    """Plain ccxt.binance with a login of its own, and the driver on an account of the OMS."""
    body = {"api_key": "plain", "secret": secret_of("plain"), "market": "spot", "balances": MONEY}
    desk.product.venue("POST", "logins", body)
    options = {"fetchCurrencies": False, "fetchMargins": False, "fetchMarkets": {"types": ["spot"]}}
    words = {"apiKey": "plain", "secret": secret_of("plain"), "enableRateLimit": False}
    plain = point(
        ccxt.binance(words | {"options": options}), f"http://127.0.0.1:{desk.product.venue_port}"
    )
    account = desk.product.account("ccxt.binance", "hedge")
    accounts = [a for a in desk.product.accounts if a["exchange_id"] == "ccxtpro.binance"]
    driven = desk.bot(accounts[0] if accounts else account, strategy_id=None)
    plain.load_markets()
    driven.load_markets()
    return plain, driven


class Twins:
    """Draws a call, makes it on both, and compares."""

    def __init__(self, pair, seed: int) -> None:
        self.pair = pair
        self.dice = random.Random(seed)
        self.past_ms = pair[0].milliseconds() - 600_000  # Candles that are over: a minute may end.
        self.orders: list[tuple[str, str]] = []
        self.open: list[tuple[str, str]] = []
        self.made: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def once(self) -> None:
        name, call = self.drawn()
        self.made[name] += 1
        told = [self.tried(call, place) for place in (0, 1)]
        kinds = [type(one) for one in told]
        if isinstance(told[0], ccxt.BaseError) or isinstance(told[1], ccxt.BaseError):
            if name != TOO_SMALL or kinds != [ccxt.BadRequest, ccxt.InvalidOrder]:
                assert kinds[0] is kinds[1], f"{name}: {[str(one)[-300:] for one in told]}"
            self.refused[kinds[0].__name__] += 1
            return
        differences = list(compared(told[0], told[1], name))
        assert differences == [], differences
        if name.startswith("create"):
            ids = tuple(one["id"] for one in told)
            self.orders.append(ids)
            self.open += [ids] if told[0]["status"] == "open" else []

    def tried(self, call: Callable[[Any, int], Any], place: int) -> Any:
        try:
            return call(self.pair[place], place)
        except ccxt.BaseError as error:
            return error

    def drawn(self) -> tuple[str, Callable[[Any, int], Any]]:
        dice = self.dice
        amount = dice.choice([0.01, 0.0123456, "0.02", 0.0500009, 0.0015])
        low = dice.choice([30000, 41234.567, "50000.019", 29999.994999])
        order = dice.choice(self.orders) if self.orders else ("1", "1")
        known = {
            "create market": lambda ex, _: ex.create_order(SYMBOL, "market", "buy", amount),
            "create limit": lambda ex, _: ex.create_order(SYMBOL, "limit", "buy", amount, low),
            "create post-only": lambda ex, _: ex.create_order(
                SYMBOL, "limit", "buy", amount, low, {"postOnly": True}
            ),
            "create ioc": lambda ex, _: ex.create_order(
                SYMBOL, "limit", "buy", amount, low, {"timeInForce": "IOC"}
            ),
            "create stop": lambda ex, _: ex.create_order(
                SYMBOL, "limit", "buy", amount, 64000.5, {"triggerPrice": 63000.129}
            ),
            TOO_SMALL: lambda ex, _: ex.create_order(SYMBOL, "limit", "buy", 0.00002, low),
            "refused: nothing": lambda ex, _: ex.create_order(SYMBOL, "limit", "buy", 1e-9, low),
            "refused: no price": lambda ex, _: ex.create_order(SYMBOL, "limit", "buy", amount),
            "refused: no market": lambda ex, _: ex.create_order("NO/NO", "market", "buy", 1),
            "refused: too much": lambda ex, _: ex.create_order(SYMBOL, "limit", "buy", 90, 50000),
            "refused: not held": lambda ex, _: ex.create_order(SYMBOL, "market", "sell", 80),
            "refused: no order": lambda ex, _: ex.fetch_order("987654321012", SYMBOL),
            "refused: not there": lambda ex, _: ex.cancel_order("987654321012", SYMBOL),
            "fetch order": lambda ex, place: ex.fetch_order(order[place], SYMBOL),
            "fetch open": lambda ex, _: ex.fetch_open_orders(SYMBOL),
            "fetch trades": lambda ex, _: ex.fetch_trades(SYMBOL, limit=3),
            "fetch my trades": lambda ex, _: ex.fetch_my_trades(SYMBOL, limit=5),
            "fetch ticker": lambda ex, _: ex.fetch_ticker(SYMBOL),
            "fetch book": lambda ex, _: ex.fetch_order_book(SYMBOL, 5),
            "fetch candles": lambda ex, _: ex.fetch_ohlcv(SYMBOL, "1m", self.past_ms, 3),
            "fetch balance": lambda ex, _: dict.fromkeys(ex.fetch_balance()["USDT"], 0.0),
            "round amount": lambda ex, _: ex.amount_to_precision(SYMBOL, amount),
            "round price": lambda ex, _: ex.price_to_precision(SYMBOL, low),
            "round cost": lambda ex, _: ex.cost_to_precision(SYMBOL, low),
            "market": lambda ex, _: ex.market(SYMBOL),
        }
        if self.open and dice.random() < 0.15:
            ids = self.open.pop(dice.randrange(len(self.open)))
            return "cancel", lambda ex, place: ex.cancel_order(ids[place], SYMBOL)
        name = dice.choice(sorted(known))
        return name, known[name]


def compared(one: Any, other: Any, where: str):
    """What differs, and where."""
    if one is None and where.startswith("cancel."):
        return  # The exchange's answer to a cancel leaves out what the OMS knows: the trigger.
    if isinstance(one, dict) and isinstance(other, dict):
        if set(one) != set(other):
            yield f"{where}: {sorted(set(one) ^ set(other))}"
        for name in set(one) & set(other) - MAY_DIFFER:
            yield from compared(one[name], other[name], f"{where}.{name}")
    elif isinstance(one, list) and isinstance(other, list):
        row = where.endswith("[]")  # A candle's or a level's columns have their numbers for names.
        for place, (first, second) in enumerate(zip(one, other, strict=False)):
            yield from compared(first, second, f"{where}[{place if row else ''}]")
    elif isinstance(one, float) and isinstance(other, float) and _of_the_moment(where):
        if abs(one - other) > abs(one) * 0.2 and not _traded_away(where):
            yield f"{where}: {one} {other}"
    elif one != other or (type(one) is not type(other) and not _both_numbers(one, other)):
        yield f"{where}: {one!r} {other!r}"


def _of_the_moment(where: str) -> bool:
    """Prices, volumes and what came of orders at market: two logins do not trade at one time."""
    asked = where.split(".", maxsplit=1)[0]
    words = ("average", "cost", "price", "last", "bid", "ask", "[]", "Volume", "high", "low",
             "open", "close", "change", "percentage", "vwap", "previousClose")  # fmt: skip
    if asked.startswith("fetch my trades"):
        return True  # One fill more or less: the books were not the same.
    return asked.startswith(("fetch", "create market")) and any(word in where for word in words)


def _traded_away(where: str) -> bool:
    """Amounts that an order at market takes, whole, between one question and the other."""
    amounts = ("askVolume", "bidVolume", "asks[][1]", "bids[][1]", "candles[][5]")
    return where.startswith("fetch my trades") or where.endswith(amounts)


def _both_numbers(one: Any, other: Any) -> bool:
    return isinstance(one, int | float) and isinstance(other, int | float)


def test_two_hundred_calls_are_answered_alike(pair):
    twins = Twins(pair, seed=7)

    for _ in range(CALLS):
        twins.once()

    assert sum(twins.made.values()) == CALLS
    assert len(twins.made) > 20
    assert len(twins.refused) >= 4
