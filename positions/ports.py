"""Which two questions does ``positions`` ask upwards?

Protocols whose implementations are named in settings (``OMS_EXCHANGE_PORT``, ``OMS_RISK_PORT``), as
Django does with backends: ``positions`` never imports ``gateway`` or ``riskdesk``.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from oms_project.errors import OmsError, RiskBlocked
from positions.engine.market import Market
from positions.engine.money import ONE, exact
from positions.engine.types import (
    MarketKind,
    OrderType,
    PositionMode,
    Side,
    TimeInForce,
    Trailing,
    TriggerBy,
)
from positions.reports import OrderReport


@dataclass(frozen=True, slots=True)
class MarketRules:
    """What one market of one exchange accepts, with exact numbers; ``None`` means no such limit.

    ``amount_step`` and ``price_step`` are the smallest increments; where an exchange rounds prices
    to significant digits, ``price_digits`` holds their number and ``price_step`` is ``None``.
    ``min_cost``/``max_cost`` bound qty × contract_size × price in the quote currency.
    ``trailing_by``: in what a trailing stop may give its distance; the percents bound it.
    ``trigger_by``: the prices that a trigger may wait for. ``triggers_reduce``: one that is not
    told reduce-only is so all the same. ``buys_money``: a market buy takes money for its quantity.
    ``keeps_expiry_after_s``: the exchange ends a good-till-date order itself where its time is more
    than so many seconds ahead; ``None``: it never does.
    ``edits_in_place``: the exchange amends a live order to a new total quantity, id kept; elsewhere
    a change is a confirmed cancel followed by a new order for what is left.
    ``market_id``: what the exchange itself calls the market. ``taker_rate``, ``maker_rate``: the
    fees that it lists for everybody, as parts of the value; an account's own may be lower.
    """

    symbol: str
    kind: MarketKind
    base: str
    quote: str
    settle: str | None
    active: bool
    contract_size: Decimal
    amount_step: Decimal | None
    price_step: Decimal | None
    price_digits: int | None = None
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    min_market_amount: Decimal | None = None
    max_market_amount: Decimal | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    min_cost: Decimal | None = None
    max_cost: Decimal | None = None
    order_types: frozenset[OrderType] = frozenset({OrderType.MARKET, OrderType.LIMIT})
    times_in_force: frozenset[TimeInForce] = field(default_factory=frozenset)
    trailing_by: frozenset[Trailing] = field(default_factory=frozenset)
    trigger_by: frozenset[TriggerBy] = frozenset({TriggerBy.LAST})
    triggers_reduce: bool = False
    buys_money: bool = False
    min_trailing_percent: Decimal | None = None
    max_trailing_percent: Decimal | None = None
    edits_in_place: bool = False
    keeps_expiry_after_s: int | None = None
    market_id: str | None = None
    taker_rate: Decimal | None = None
    maker_rate: Decimal | None = None

    @property
    def engine_market(self) -> Market:
        """The part of the rules that arithmetic needs."""
        return Market(
            symbol=self.symbol,
            kind=self.kind,
            base=self.base,
            quote=self.quote,
            settle=self.settle,
            contract_size=self.contract_size if self.contract_size != ONE else ONE,
        )


@exact
def is_worth_too_little(
    rules: MarketRules, qty: Decimal, *, price: Decimal | None, told_reduce_only: bool
) -> bool:
    """Whether the exchange would refuse an order of ``qty`` for its value at ``price``.

    Of an order that it is told is ``reduce only`` it demands no minimum; that is for derivatives
    whose net there allows the flag. Inverse contracts have their value in contracts. Without a
    price it is left to the exchange.
    """
    if told_reduce_only or rules.kind is MarketKind.INVERSE or rules.min_cost is None:
        return False
    return price is not None and qty * rules.contract_size * price < rules.min_cost


@dataclass(frozen=True, slots=True)
class SeenPrice:
    """A last price of the exchange in the quote currency, and when it surely was that: our clock,
    the moment in which it was told or asked for.
    """

    price: Decimal
    at: datetime

    def age_s(self, now: datetime) -> float:
        """How old it is."""
        return (now - self.at).total_seconds()


@dataclass(frozen=True, slots=True)
class SeenBalances:
    """What an account owned at its exchange, by currency as plain decimals, when it was asked."""

    amounts: Mapping[str, str]
    at: datetime


class Exchange(Protocol):
    """The way to the exchange."""

    def market(self, account_id: int, symbol: str) -> MarketRules:
        """The rules of ``symbol`` on the account's exchange.

        May fetch them once over the network, so it is never called inside a transaction.

        Raises:
            Invalid: the exchange has no such symbol.
            EngineUnavailable: the exchange's markets cannot be loaded now.
        """

    def known_market(self, account_id: int, symbol: str) -> MarketRules | None:
        """The rules of ``symbol`` as far as they are known without asking the network."""

    def symbols_named(self, account_id: int, name: str) -> list[str] | None:
        """The symbols that a name means there: itself, or the exchange's own id of markets.

        The network is not asked; ``None``: the exchange's markets were never loaded.
        """

    def last_price(self, account_id: int, symbol: str) -> Decimal | None:
        """The exchange's last price, to decide by: no older than ``OMS_PRICE_MAX_AGE_S``.

        The exchange is not asked; ``None`` where no price as young as that is known.
        """

    def seen_price(self, account_id: int, symbol: str) -> SeenPrice | None:
        """The newest price known, to show: no older than ``OMS_PRICE_SHOWN_S``, never asked for."""

    def seen_balances(self, account_ids: Collection[int]) -> Mapping[int, SeenBalances]:
        """What the accounts owned when their exchanges were last asked; those never asked lack."""

    def fresh_prices(self, account_id: int, symbols: Collection[str]) -> Mapping[str, Decimal]:
        """Prices to decide by, asked of the exchange where what is known is too old.

        Waits ``OMS_PRICE_ASK_S`` seconds at most, so it is never called inside a transaction.

        Raises:
            ExchangeError, ExchangeTimeout, EngineUnavailable: one of them cannot be had; it names
                the symbol.
        """

    def order_there(
        self, account_id: int, symbol: str, exchange_order_id: str
    ) -> OrderReport | None:
        """The account's order of this id as the exchange shows it now; ``None``: it shows none.

        Asks over the network, so it is never called inside a transaction.

        Raises:
            ExchangeError, ExchangeTimeout, EngineUnavailable, RateLimited: it could not be asked.
        """

    def check_tradable(self, account_id: int, symbol: str) -> None:
        """Let an order for ``symbol`` pass where the account is set up for it at its exchange.

        Says what is known without asking the network about the account.

        Raises:
            Invalid: derivatives on an account that keeps long and short apart
                (``details.exchange_position_mode``).
        """

    def check_params(self, account_id: int, params: Mapping[str, Any]) -> None:
        """Let a client's exchange extras pass.

        Raises:
            Invalid: one of them is not on the list of the account's exchange.
        """

    def trigger_by(self, account_id: int, params: Mapping[str, Any]) -> TriggerBy | None:
        """The price that a client's exchange extras have a trigger wait for, if they say so."""

    def blind(self, account_ids: Iterable[int]) -> Mapping[int, list[dict[str, Any]]]:
        """What exchanges do not show now, by account: ``sense``, ``name``, ``since``, ``why``."""

    def wake(self, account_id: int) -> None:
        """Say that the account has something to send. Losing this call loses nothing."""

    def watch_prices(self, account_id: int) -> None:
        """Say that the account's stops changed. Losing this call delays, it loses nothing."""

    def is_served(self) -> bool:
        """Whether anybody is carrying out orders now."""


@dataclass(frozen=True, slots=True)
class Intent:
    """An order, or what a change would make of one, as the risk desk sees it before it is accepted.

    ``price`` is what it is expected to trade at: its own, or else ``last_price``. ``prices`` were
    looked up for what ``prices_needed`` named; ``unpriced`` says why one is missing. ``reduces`` is
    verified: it can do nothing but reduce its position; ``closes``: it was asked as a close of that
    position. ``order_id`` is the live order that a change would replace; ``qty`` is then what would
    be left to fill.
    """

    account_id: int
    strategy_id: int
    user_id: int
    api_key_id: int | None
    market: Market
    side: Side
    qty: Decimal
    limit_price: Decimal | None
    price: Decimal | None
    last_price: Decimal | None
    reduces: bool
    position_mode: PositionMode
    closes: bool = False
    order_id: int | None = None
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    unpriced: OmsError | None = None

    @property
    def symbol(self) -> str:
        """The market's symbol."""
        return self.market.symbol


@dataclass(frozen=True, slots=True)
class Valued:
    """An order of which it is asked by whose prices it will be judged."""

    account_id: int
    strategy_id: int
    api_key_id: int | None
    symbol: str
    side: Side
    limit_price: Decimal | None
    trigger_price: Decimal | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """An accepted order that can open exposure and has not been sent yet, or a change of one."""

    order_id: int
    strategy_id: int
    user_id: int | None
    api_key_id: int | None
    symbol: str


@dataclass(frozen=True, slots=True)
class RiskState:
    """Whether an account as a whole may open exposure: ``state`` is its halt's word."""

    allow_new_positions: bool = True
    state: str = "active"
    killed: bool = False


class RiskGate(Protocol):
    """The judge of orders."""

    def prices_needed(self, order: Valued) -> frozenset[str]:
        """The symbols by whose prices ``check`` may have to judge the order, as limits are set."""

    def check(self, intent: Intent) -> None:
        """Return when the order may pass; called under the account's lane.

        Raises:
            RiskBlocked: a control refused it.
            OmsError: ``intent.unpriced``, where a control needs the price that could not be had.
        """

    def stopped(self, account_id: int, waiting: Sequence[Waiting]) -> Mapping[int, RiskBlocked]:
        """Why some of the orders may not be sent any more, by order id; asked in every claim."""

    def states(self, account_ids: Sequence[int]) -> Mapping[int, RiskState]:
        """Where each account stands, for the list of accounts."""

    def carry_on(self) -> None:
        """Go on with what the desk has begun and not finished; called at every sweep."""


@cache
def exchange() -> Exchange:
    """The configured way to the exchange."""
    return import_string(settings.OMS_EXCHANGE_PORT)()


@cache
def risk_gate() -> RiskGate:
    """The configured judge."""
    return import_string(settings.OMS_RISK_PORT)()
