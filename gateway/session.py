"""How does the OMS talk to one account's exchange?

A ``Session`` is one live ccxt instance: connections, clock offset and markets stay between calls
(``gateway.sessions`` keeps one per account).

Methods give ccxt's structures untouched (``gateway.raw`` stores them, ``gateway.normalize`` reads
them) or raise one of ``gateway.outcomes``.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings

from gateway import calls, capabilities, pacing, position_mode
from gateway.calls import Call
from gateway.markets import Profile
from gateway.outcomes import TOO_MANY, NotFound, Outcome, Refused, classify, without_id
from gateway.paging import DAY_MS, funding_key, order_key, pages, trade_key, whole
from gateway.wire import Wire, current
from gateway.words import Ask, Verdict
from oms_project.errors import Invalid
from positions.models import ExchangeOrder

if TYPE_CHECKING:
    from gateway.catalogue import Loaded

SEARCH_BACK_MS = DAY_MS


class Session:
    """One account's conversation with its exchange.

    Raises: every method may raise ``gateway.outcomes.CallFailed``; orders, cancels and edits are
    sent once and never repeated here.
    """

    def __init__(self, profile: Profile, exchange: Any) -> None:
        self.profile = profile
        self.exchange = exchange
        self.facts = capabilities.facts(profile.exchange_id)
        self._clock_is_wrong = False

    @property
    def account_id(self) -> int:
        """Whose session it is."""
        return self.profile.account_id

    @property
    def exchange_id(self) -> str:
        """``ccxt.<id>`` or ``ccxtpro.<id>``."""
        return self.profile.exchange_id

    # --- acting ------------------------------------------------------------------------------

    async def create_order(self, call: Call) -> dict[str, Any]:
        """Send a new order. An answer without an id is no answer."""
        return await self._act(Ask.CREATE, call)

    async def cancel_order(self, call: Call) -> dict[str, Any]:
        """Cancel. ``NotFound`` may be the echo of a cancel or a fill that just happened."""
        return await self._ask(Ask.CANCEL, call.method, *call.args, params=call.params)

    async def edit_order(self, call: Call) -> dict[str, Any]:
        """Change in place."""
        return await self._act(Ask.EDIT, call)

    # --- asking ------------------------------------------------------------------------------

    async def fetch_order(
        self,
        symbol: str,
        *,
        exchange_order_id: str | None = None,
        client_order_id: str | None = None,
        conditional: bool = False,
    ) -> dict[str, Any]:
        """One order, by the exchange's id or by ours.

        Where the exchange cannot look up our id, its open orders and those of the last day are
        searched.

        Raises:
            NotFound: the exchange does not show it (now).
        """
        params = self._trigger_params(conditional, symbol)
        can_fetch = self.has("fetchOrder")
        if exchange_order_id is not None and can_fetch:
            ids: tuple[str, str] = (exchange_order_id, symbol)
        elif exchange_order_id is None and self.facts.finds_by_client_id and can_fetch:
            params[self.facts.finds_by_client_id] = client_order_id
            ids = ("", symbol)
        else:
            return await self._search(symbol, exchange_order_id, client_order_id, conditional)
        order = await self._ask(Ask.READ, "fetch_order", *ids, params=params)
        return _identified(order, self.exchange_id)

    async def fetch_open_orders(
        self, symbol: str | None = None, *, conditional: bool = False
    ) -> list[dict[str, Any]]:
        """Orders that rest at the exchange; without a symbol, of the account's market type."""
        return await self._ask(
            Ask.READ, "fetch_open_orders", symbol, params=self._trigger_params(conditional, symbol)
        )

    async def fetch_closed_orders(
        self, symbol: str, since_ms: int, *, conditional: bool = False
    ) -> list[dict[str, Any]]:
        """Orders in a final state, made since then: filled, cancelled, expired and rejected ones.

        From the list of all orders where the exchange has one; else from its closed and its
        cancelled list, each of which may miss some.
        """
        params = self._trigger_params(conditional, symbol)
        lists = next(
            (
                methods
                for methods in (
                    ("fetchOrders",),
                    ("fetchCanceledAndClosedOrders",),
                    ("fetchClosedOrders", "fetchCanceledOrders"),
                )
                if self.has(methods[0])
            ),
            (),
        )
        found: dict[str, dict[str, Any]] = {}
        for method in lists:
            if self.has(method):
                rows = await whole(self, method, symbol, since_ms, params=params, key=order_key)
                found |= {order_key(row): row for row in rows if row.get("status") != "open"}
        return list(found.values())

    async def fetch_order_trades(
        self, symbol: str, exchange_order_id: str, since_ms: int | None = None
    ) -> list[dict[str, Any]]:
        """The fills of one order.

        Where the exchange has them only in the list of all fills, that is read from ``since_ms`` on
        (the order's creation; the last day where it is left out).
        """
        try:
            trades = await self._trades_by_order(symbol, exchange_order_id)
        except Refused:
            # kraken wants the trades' ids here; some markets of others are not served.
            trades = None
        if trades is None:
            since_ms = self.now_ms() - SEARCH_BACK_MS if since_ms is None else since_ms
            trades = await self.fetch_my_trades(symbol, since_ms)
        return [trade for trade in trades if str(trade.get("order")) == exchange_order_id]

    async def fetch_my_trades(
        self, symbol: str, since_ms: int, limit: int | None = None
    ) -> list[dict[str, Any]]:
        """Every fill since then, oldest first, each once."""
        return await whole(self, "fetchMyTrades", symbol, since_ms, limit=limit, key=trade_key)

    def my_trades(self, symbol: str, since_ms: int) -> AsyncIterator[list[dict[str, Any]]]:
        """The same, page by page, however many there are."""
        return pages(self, "fetchMyTrades", symbol, since_ms, key=trade_key)

    def funding_payments(
        self, symbol: str | None, since_ms: int
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Funding paid and received since then, page by page; without a symbol, of all symbols."""
        return pages(self, "fetchFundingHistory", symbol, since_ms, key=funding_key)

    async def fetch_balance(self) -> dict[str, Any]:
        """What the account holds."""
        return await self._ask(Ask.READ, "fetch_balance")

    async def fetch_positions(self, symbols: list[str] | None = None) -> list[dict[str, Any]]:
        """Derivative positions; may hold rows of size zero."""
        return await self._ask(Ask.READ, "fetch_positions", symbols)

    async def is_two_way(self, symbol: str | None = None) -> bool | None:
        """Whether the exchange account keeps long and short apart; ``None``: it cannot be asked."""
        if not self.has("fetchPositionMode"):
            return None
        return (await self._ask(Ask.READ, "fetch_position_mode", symbol)).get("hedged")

    async def fetch_tickers(self, symbols: list[str]) -> dict[str, dict[str, Any]]:
        """Tickers by symbol."""
        if self.has("fetchTickers"):
            return await self._ask(Ask.READ, "fetch_tickers", symbols)
        rows = await asyncio.gather(
            *(self._ask(Ask.READ, "fetch_ticker", symbol) for symbol in symbols)
        )
        return dict(zip(symbols, rows, strict=True))

    @property
    def streams_tickers(self) -> bool:
        """Whether the exchange streams prices one market at a time."""
        return self.exchange.has.get("watchTicker") is True

    async def learn_mode(self) -> None:
        """Have the position mode known (``gateway.position_mode``)."""
        await position_mode.look(self)

    async def measure_clock(self) -> int | None:
        """Measure and use how far our clock is ahead, in milliseconds; ``None``: unknown."""
        if not self.has("fetchTime"):
            return None
        self._clock_is_wrong = False
        before_ms = self.now_ms()
        theirs_ms = await self._ask(Ask.READ, "fetch_time", params={})
        if not theirs_ms:
            return None
        offset_ms = round((before_ms + self.now_ms()) / 2 - int(theirs_ms))
        self.exchange.options["timeDifference"] = offset_ms
        return offset_ms

    def waits_apart(self, leg: ExchangeOrder) -> bool:
        """Whether the exchange has it among its triggers; ``leg`` comes with its order loaded."""
        return calls.waits_apart(
            leg.order, leg, exchange_id=self.exchange_id, is_spot=self.is_spot(leg.symbol)
        )

    @property
    def has_contracts(self) -> bool:
        """Whether the account can trade derivatives here."""
        return any(market.get("contract") for market in self.exchange.markets.values())

    async def ask_for_page(
        self,
        method: str,
        symbol: str | None,
        since_ms: int | None,
        limit: int | None,
        params: Mapping[str, Any],
    ) -> list[dict[str, Any]]:
        """One page of a list of ccxt (``gateway.paging`` turns them)."""
        return await self._ask(Ask.READ, _snake(method), symbol, since_ms, limit, params=params)

    def feature(self, symbol: str | None, method: str, name: str) -> int | None:
        """A number that ccxt knows of one of the exchange's lists: its page size, its longest span.

        ``None``: it knows none, the list is of the whole account, or the symbol is gone.
        """
        if symbol not in self.exchange.markets:
            return None
        value = self.exchange.feature_value(symbol, method, name)
        return int(value) if isinstance(value, int) and value > 0 else None

    def now_ms(self) -> int:
        """Our clock."""
        return self.exchange.milliseconds()

    def exchange_time(self) -> datetime:
        """What the exchange's clock shows, as far as it was measured."""
        ahead_ms = int(self.exchange.options.get("timeDifference") or 0)
        return datetime.fromtimestamp((self.now_ms() - ahead_ms) / 1000, UTC)

    def is_spot(self, symbol: str) -> bool:
        """Whether the symbol is a spot market, as opposed to a contract.

        Raises:
            Invalid: the exchange has no such symbol.
        """
        market = self.exchange.markets.get(symbol)
        if market is None:
            raise Invalid("The exchange has no such symbol.", field="symbol", value=symbol)
        return not market.get("contract")

    # --- for a client ------------------------------------------------------------------------

    async def call(
        self, ask: Ask, method: str, values: Mapping[str, Any], params: Mapping[str, Any]
    ) -> Any:
        """A unified method that ``gateway.functions`` lists; ``ask`` says whether it acts.

        By name, so that what is left out has ccxt's own default.
        """
        return await self._ask(ask, method, params=params, **values)

    # --- underneath --------------------------------------------------------------------------

    def take_over(self, loaded: "Loaded") -> None:
        """Use these markets from now on."""
        for name, value in loaded.attributes.items():
            setattr(self.exchange, name, value)
        self.exchange.options.update(loaded.options)
        self.exchange.pace = pacing.pace_of(self.exchange, self.profile, loaded.limits)

    async def close(self) -> None:
        """Close connections and streams."""
        await self.exchange.close()

    async def _act(self, ask: Ask, call: Call) -> dict[str, Any]:
        wire = Wire(exchange_id=self.exchange_id, ask=ask)
        order = await self._ask(ask, call.method, *call.args, params=call.params, wire=wire)
        return _identified(order, self.exchange_id, wire)

    async def _ask(
        self,
        ask: Ask,
        method: str,
        *args: Any,
        params: Mapping[str, Any] | None = None,
        wire: Wire | None = None,
        **named: Any,
    ) -> Any:
        """Call ``method`` of ccxt; whatever goes wrong becomes an outcome, without ccxt's text."""
        if self._clock_is_wrong:
            await self.measure_clock()
        wire = wire or Wire(exchange_id=self.exchange_id, ask=ask)
        token = current.set(wire)
        try:
            async with asyncio.timeout(_patience_s()):
                work = getattr(self.exchange, method)(*args, **named, params=dict(params or {}))
                return await work
        except Exception as error:  # noqa: BLE001 (whatever it is, it is judged and raised below)
            outcome = classify(error, wire)
        finally:
            current.reset(token)
            await pacing.heed(wire.used)
        self._clock_is_wrong |= outcome.resync
        if outcome.verdict is Verdict.THROTTLED and wire.status in TOO_MANY:
            over = self.exchange.pace.over(outcome.exchange_code, self.facts.order_limit_codes)
            await pacing.pause(over, outcome.retry_after_s or pacing.PAUSE_S)
        # Raised out here, so that it holds no reference to ccxt's error: its text can hold the
        # signed query, and loggers print causes and contexts.
        raise outcome.error()

    async def _trades_by_order(
        self, symbol: str, exchange_order_id: str
    ) -> list[dict[str, Any]] | None:
        """The order's fills by its id; ``None`` where the exchange cannot be asked so."""
        if (name := self.facts.order_trades_param) is not None:
            params = {name: exchange_order_id}
            return await self._ask(Ask.READ, "fetch_my_trades", symbol, params=params)
        if self.has("fetchOrderTrades"):
            return await self._ask(Ask.READ, "fetch_order_trades", exchange_order_id, symbol)
        return None

    async def _search(
        self,
        symbol: str,
        exchange_order_id: str | None,
        client_order_id: str | None,
        conditional: bool,
    ) -> dict[str, Any]:
        """Find an order in the lists.

        Raises:
            NotFound: it is in none of them.
        """
        prefix = self.facts.client_id_prefix

        def is_it(order: Mapping[str, Any]) -> bool:
            if exchange_order_id is not None:
                return str(order.get("id")) == exchange_order_id
            ours = str(order.get("clientOrderId") or "")
            return bool(ours) and ours.removeprefix(prefix) == client_order_id

        resting = await self.fetch_open_orders(symbol, conditional=conditional)
        if match := next(filter(is_it, resting), None):
            return match
        since_ms = self.now_ms() - SEARCH_BACK_MS
        ended = await self.fetch_closed_orders(symbol, since_ms, conditional=conditional)
        if match := next(filter(is_it, ended), None):
            return match
        raise NotFound(Outcome(Verdict.NOT_FOUND, exception="OrderNotFound"))

    def _trigger_params(self, conditional: bool, symbol: str | None) -> dict[str, Any]:
        apart = conditional and self.facts.conditional_apart
        return {"trigger": True} if apart and (symbol is None or not self.is_spot(symbol)) else {}

    def has(self, method: str) -> bool:
        """Whether ccxt offers ``method`` for this exchange."""
        return self.exchange.has.get(method) in (True, "emulated")


def _patience_s() -> float:
    """ccxt's time-out for a request, plus the longest wait for our turn."""
    return int(getattr(settings, "OMS_EXCHANGE_TIMEOUT_MS", 10_000)) / 1000 + pacing.MOST_WAIT_S


def _identified(order: Any, exchange_id: str, wire: Wire | None = None) -> dict[str, Any]:
    """``order``, if it names one.

    Raises:
        Unanswered: it has no id; the answer was empty, HTML, ``null`` or cut.
    """
    if isinstance(order, dict) and order.get("id"):
        return order
    raise without_id(wire or Wire(exchange_id=exchange_id)).error()


def _snake(method: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in method)
