"""The two ports, answered from memory."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from oms_project.errors import ExchangeTimeout, Invalid, RiskBlocked
from positions.engine.types import MarketKind, OrderType, TimeInForce, TriggerBy
from positions.ports import (
    Intent,
    MarketRules,
    RiskState,
    SeenBalances,
    SeenPrice,
    Valued,
    Waiting,
)
from positions.reports import OrderReport

LINEAR, SPOT, INVERSE = "BTC/USDT:USDT", "BTC/USDT", "BTC/USD:BTC"

_LINEAR = MarketRules(
    symbol=LINEAR,
    kind=MarketKind.LINEAR,
    base="BTC",
    quote="USDT",
    settle="USDT",
    active=True,
    contract_size=Decimal(1),
    amount_step=Decimal("0.001"),
    price_step=Decimal("0.01"),
    min_amount=Decimal("0.001"),
    max_amount=Decimal(1000000),
    min_price=Decimal("0.01"),
    max_price=Decimal(1000000),
    min_cost=Decimal(5),
    max_cost=Decimal(100000000),
    times_in_force=frozenset(TimeInForce),
)
MARKETS = {
    LINEAR: _LINEAR,
    SPOT: replace(_LINEAR, symbol=SPOT, kind=MarketKind.SPOT, settle=None),
    INVERSE: replace(
        _LINEAR, symbol=INVERSE, kind=MarketKind.INVERSE, quote="USD", settle="BTC", min_cost=None
    ),
}


class FakeExchange:
    """Three markets that tests may change; remembers who was woken and what was looked up."""

    def __init__(self) -> None:
        self.markets = dict(MARKETS)
        self.blindness: list[dict[str, Any]] = []
        self.prices: dict[str, Decimal] = {}
        self.woken: list[int] = []
        self.watching: list[int] = []
        self.meanwhile: Callable[[], object] | None = None  # Somebody else is faster, once.
        self.price_questions: Counter[str] = Counter()
        self.priced_at = datetime(2026, 1, 31, 11, 59, 58, tzinfo=UTC)
        self.asked_for: list[frozenset[str]] = []
        self.is_two_way = False
        self.owned: dict[int, SeenBalances] = {}
        self.there: dict[tuple[str, str], OrderReport] = {}

    def change_market(self, symbol: str, **facts: Any) -> None:
        """Give a market other rules."""
        self.markets[symbol] = replace(self.markets[symbol], **facts)

    def add_types(self, symbol: str, *types: OrderType) -> None:
        """Let a market take more types of orders."""
        self.change_market(symbol, order_types=self.markets[symbol].order_types | {*types})

    def market(self, account_id: int, symbol: str) -> MarketRules:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        if symbol not in self.markets:
            raise Invalid("The exchange has no such symbol.", field="symbol", value=symbol)
        return self.markets[symbol]

    def known_market(self, account_id: int, symbol: str) -> MarketRules | None:
        return self.markets.get(symbol)

    def symbols_named(self, account_id: int, name: str) -> list[str] | None:
        return [each for each, rules in self.markets.items() if name in (each, rules.market_id)]

    def last_price(self, account_id: int, symbol: str) -> Decimal | None:
        self.price_questions[symbol] += 1
        return self.prices.get(symbol)

    def seen_price(self, account_id: int, symbol: str) -> SeenPrice | None:
        self.price_questions[symbol] += 1
        price = self.prices.get(symbol)
        return None if price is None else SeenPrice(price, self.priced_at)

    def seen_balances(self, account_ids: Collection[int]) -> Mapping[int, SeenBalances]:
        return {number: self.owned[number] for number in account_ids if number in self.owned}

    def fresh_prices(self, account_id: int, symbols: Collection[str]) -> Mapping[str, Decimal]:
        self.asked_for.append(frozenset(symbols))
        for symbol in sorted(symbols):
            if symbol not in self.prices:
                raise ExchangeTimeout("No price.", symbol=symbol)
        return {symbol: self.prices[symbol] for symbol in symbols}

    def order_there(
        self, account_id: int, symbol: str, exchange_order_id: str
    ) -> OrderReport | None:
        return self.there.get((symbol, exchange_order_id))

    def check_tradable(self, account_id: int, symbol: str) -> None:
        if self.is_two_way and ":" in symbol:
            raise Invalid("Two-way.", field="account_id", exchange_position_mode="two_way")

    def check_params(self, account_id: int, params: Mapping[str, Any]) -> None:
        for name, value in params.items():
            if name != "workingType":
                raise Invalid("This is not offered.", field=f"params.{name}", value=value)

    def trigger_by(self, account_id: int, params: Mapping[str, Any]) -> TriggerBy | None:
        said = {"MARK_PRICE": TriggerBy.MARK, "CONTRACT_PRICE": TriggerBy.LAST}
        return said.get(params.get("workingType", ""))

    def blind(self, account_ids: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
        return {account_id: list(self.blindness) for account_id in account_ids}

    def wake(self, account_id: int) -> None:
        self.woken.append(account_id)

    def watch_prices(self, account_id: int) -> None:
        self.watching.append(account_id)

    def is_served(self) -> bool:
        return True


class FakeRisk:
    """Lets everything pass until told to refuse; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Intent] = []
        self.refuses = False
        self.needs: frozenset[str] = frozenset()
        self.stops: Callable[[Waiting], bool] = lambda waiting: False

    def prices_needed(self, order: Valued) -> frozenset[str]:
        return self.needs

    def check(self, intent: Intent) -> None:
        self.asked.append(intent)
        if self.refuses:
            raise RiskBlocked("Too much.", field="qty", limit=0, value=intent.qty)

    def stopped(self, account_id: int, waiting: Sequence[Waiting]) -> dict[int, RiskBlocked]:
        refused = RiskBlocked("Stopped.", field="account_id", limit="active", value="halted")
        return {each.order_id: refused for each in waiting if self.stops(each)}

    def states(self, account_ids: Sequence[int]) -> dict[int, RiskState]:
        return {account_id: RiskState() for account_id in account_ids}

    def carry_on(self) -> None:
        """There is nothing."""
