"""Which two questions does ``positions`` ask upwards?

Protocols whose implementations are named in settings (``OMS_EXCHANGE_PORT``, ``OMS_RISK_PORT``), as
Django does with backends: ``positions`` never imports ``gateway`` or ``riskdesk``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from oms_project.errors import RiskBlocked
from positions.engine.market import Market
from positions.engine.money import ONE
from positions.engine.types import (
    MarketKind,
    OrderType,
    PositionMode,
    Side,
    TimeInForce,
    Trailing,
)


@dataclass(frozen=True, slots=True)
class MarketRules:
    """What one market of one exchange accepts, with exact numbers; ``None`` means no such limit.

    ``amount_step`` and ``price_step`` are the smallest increments; where an exchange rounds prices
    to significant digits, ``price_digits`` holds their number and ``price_step`` is ``None``.
    ``min_cost``/``max_cost`` bound qty × contract_size × price in the quote currency.
    ``trailing_by``: in what a trailing stop may give its distance.
    ``edits_in_place``: the exchange amends a live order to a new total quantity, id kept; elsewhere
    a change is a confirmed cancel followed by a new order for what is left.
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
    edits_in_place: bool = False

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

    def last_price(self, account_id: int, symbol: str) -> Decimal | None:
        """The newest price known for ``symbol`` without asking the network."""

    def check_tradable(self, account_id: int, symbol: str) -> None:
        """Let an order for ``symbol`` pass where the account is set up for it at its exchange.

        Says what is known without asking the network about the account.

        Raises:
            Invalid: derivatives on an account that keeps long and short apart
                (``details.exchange_position_mode``).
        """

    def check_params(self, params: Mapping[str, Any]) -> None:
        """Let a client's exchange extras pass.

        Raises:
            Invalid: one of them is not on the allow-list.
        """

    def wake(self, account_id: int) -> None:
        """Say that the account has something to send. Losing this call loses nothing."""

    def watch_prices(self, account_id: int) -> None:
        """Say that the account's stops changed. Losing this call delays, it loses nothing."""

    def is_served(self) -> bool:
        """Whether anybody is carrying out orders now."""


@dataclass(frozen=True, slots=True)
class Intent:
    """An order, or what a change would make of one, as the risk desk sees it before it is accepted.

    ``price`` is what it is expected to trade at: its own, or else ``last_price``. ``reduces`` is
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

    @property
    def symbol(self) -> str:
        """The market's symbol."""
        return self.market.symbol


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

    def check(self, intent: Intent) -> None:
        """Return when the order may pass; called under the account's lane.

        Raises:
            RiskBlocked: a control refused it.
        """

    def stopped(self, account_id: int, waiting: Sequence[Waiting]) -> Mapping[int, RiskBlocked]:
        """Why some of the orders may not be sent any more, by order id; asked in every claim."""

    def states(self, account_ids: Sequence[int]) -> Mapping[int, RiskState]:
        """Where each account stands, for the list of accounts."""


@cache
def exchange() -> Exchange:
    """The configured way to the exchange."""
    return import_string(settings.OMS_EXCHANGE_PORT)()


@cache
def risk_gate() -> RiskGate:
    """The configured judge."""
    return import_string(settings.OMS_RISK_PORT)()
