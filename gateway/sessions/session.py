"""How does the OMS talk to one account's exchange?

A ``Session`` is one live ccxt instance: connections, clock offset and markets stay between calls
(``gateway.sessions.kept`` keeps one per account).

Methods give ccxt's structures untouched (``gateway.evidence.raw`` stores them,
``gateway.evidence.normalize`` reads them) or raise one of ``gateway.sessions.outcomes``.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from gateway import pacing
from gateway.exchanges import capabilities, seen
from gateway.exchanges.gone import is_gone
from gateway.exchanges.profile import Profile
from gateway.exchanges.seen import Seen
from gateway.sessions.call import Call
from gateway.sessions.loaded import Loaded
from gateway.sessions.outcomes import TOO_MANY, classify, identified, said_nothing
from gateway.sessions.paging import funding_key, pages, trade_key, whole
from gateway.sessions.wire import Measured, Wire, current, measuring
from gateway.words import Ask, Verdict

RETIRING_LOOK_S = 0.1


class Session:
    """One account's conversation with its exchange.

    Raises: every method may raise ``gateway.sessions.outcomes.CallFailed``; orders, cancels and
    edits are sent once and never repeated here.
    """

    def __init__(self, profile: Profile, exchange: Any) -> None:
        self.profile = profile
        self.exchange = exchange
        self.facts = capabilities.facts(profile.exchange_id)
        self._clock_is_wrong = False
        self._under_way = 0
        self.is_retired = asyncio.Event()

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

    async def read(self, method: str, *args: Any, params: Mapping[str, Any] | None = None) -> Any:
        """A unified method of ccxt, by its Python name, that changes nothing."""
        return await self._ask(Ask.READ, method, *args, params=params)

    def trigger_params(self, symbol: str | None, *, conditional: bool) -> dict[str, Any]:
        """What has ccxt ask among the triggers that the exchange keeps apart, if it does."""
        apart = conditional and self.facts.conditional_apart
        return {"trigger": True} if apart and (symbol is None or not self.is_spot(symbol)) else {}

    async def fetch_open_orders(
        self, symbol: str | None = None, *, conditional: bool = False
    ) -> list[dict[str, Any]]:
        """Orders that rest at the exchange; without a symbol, of the account's market type."""
        return await self._ask(
            Ask.READ,
            "fetch_open_orders",
            symbol,
            params=self.trigger_params(symbol, conditional=conditional),
        )

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
        return await self.read("fetch_balance")

    async def fetch_positions(self, symbols: list[str] | None = None) -> list[dict[str, Any]]:
        """Derivative positions; may hold rows of size zero."""
        return await self.read("fetch_positions", symbols)

    async def is_two_way(self, symbol: str | None = None) -> bool | None:
        """Whether the exchange account keeps long and short apart; ``None``: it cannot be asked."""
        if not self.has("fetchPositionMode"):
            return None
        if self.facts.mode_call is not None:
            method, key = self.facts.mode_call
            told = (await self.read(method)).get(key)
            if isinstance(told, bool):
                return told
        return (await self.read("fetch_position_mode", symbol)).get("hedged")

    async def fetch_ticker(self, symbol: str) -> dict[str, Any]:
        """One market's ticker."""
        return await self.read("fetch_ticker", symbol)

    async def fetch_prices(self, method: str, symbols: list[str]) -> dict[str, dict[str, Any]]:
        """Tickers (``fetchTickers``) or last prices (``fetchLastPrices``), by symbol."""
        return await self.read(_snake(method), symbols)

    async def fetch_candles(
        self, symbol: str, since_ms: int, limit: int, timeframe: str = "1m"
    ) -> list[list[Any]]:
        """Candles from then on: milliseconds, open, high, low, close, volume."""
        return await self.read("fetch_ohlcv", symbol, timeframe, since_ms, limit)

    async def cost_of(self, method: str, *args: Any) -> float | None:
        """What a call takes of the allowance in ccxt's units, by its own table; nothing is sent.

        ``None``: its class cannot say.
        """
        if not self.exchange.enableRateLimit:
            return None  # It would not be stopped.
        with measuring() as costs:
            try:
                await getattr(self.exchange, _snake(method))(*args)
            except Measured:
                return costs[0]
            except Exception:  # noqa: BLE001 (a call that cannot be built is not a cheap one)
                return None
        return None

    @property
    def streams_tickers(self) -> bool:
        """Whether the exchange streams prices one market at a time."""
        return self.exchange.has.get("watchTicker") is True

    async def measure_clock(self) -> int | None:
        """Measure and use how far our clock is ahead, in milliseconds; ``None``: unknown."""
        if not self.has("fetchTime"):
            return None
        self._clock_is_wrong = False
        before_ms = self.now_ms()
        theirs_ms = await self.read("fetch_time", params={})
        if not theirs_ms:
            return None
        offset_ms = round((before_ms + self.now_ms()) / 2 - int(theirs_ms))
        self.exchange.options["timeDifference"] = offset_ms
        return offset_ms

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
        """One page of a list of ccxt (``gateway.sessions.paging`` turns them)."""
        return await self.read(_snake(method), symbol, since_ms, limit, params=params)

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

        One that the exchange does not have is told by its form: contracts name what they settle in.
        """
        market = self.exchange.markets.get(symbol)
        return ":" not in symbol if market is None else not market.get("contract")

    def lists(self, symbol: str) -> bool:
        """Whether the exchange lists the symbol now."""
        market = self.exchange.markets.get(symbol)
        return market is not None and not is_gone(market)

    def seen(self, symbol: str) -> Seen:
        """What the exchange's class was seen to do on markets like this one."""
        kind = seen.kind_of(symbol, is_spot=self.is_spot(symbol))
        return seen.of(self.exchange_id, kind)

    # --- for a client ------------------------------------------------------------------------

    async def call(
        self, ask: Ask, method: str, values: Mapping[str, Any], params: Mapping[str, Any]
    ) -> Any:
        """A unified method that ``gateway.clients.functions`` lists; ``ask`` says whether it acts.

        By name, so that what is left out has ccxt's own default.
        """
        return await self._ask(ask, method, params=params, **values)

    # --- underneath --------------------------------------------------------------------------

    def take_over(self, loaded: Loaded) -> None:
        """Use these markets from now on."""
        for name, value in loaded.attributes.items():
            setattr(self.exchange, name, value)
        self.exchange.options.update(loaded.options)
        self.exchange.pace = pacing.pace_of(self.exchange, self.profile, loaded.limits)

    async def retire(self) -> None:
        """Another session has taken its place: end its streams, its calls first, and close it."""
        self.is_retired.set()
        patience_s = settings.OMS_SEND_DEADLINE_S
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while self._under_way:
                    await asyncio.sleep(RETIRING_LOOK_S)
        await self.close()

    async def close(self) -> None:
        """Close connections and streams."""
        await self.exchange.close()

    async def _act(self, ask: Ask, call: Call) -> dict[str, Any]:
        wire = Wire(exchange_id=self.exchange_id, ask=ask)
        order = await self._ask(ask, call.method, *call.args, params=call.params, wire=wire)
        return identified(order, self.exchange_id, wire)

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
        self._under_way += 1
        try:
            async with pacing.within(_patience_s()):
                work = getattr(self.exchange, method)(*args, **named, params=dict(params or {}))
                answer = await work
            if wire.ask is not Ask.READ or self._is_told(wire, method, answer):
                return answer
            outcome = said_nothing(wire)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is judged and raised below)
            outcome = classify(error, wire)
        finally:
            self._under_way -= 1
            current.reset(token)
            await pacing.heed(wire.used)
        self._clock_is_wrong |= outcome.resync
        if outcome.verdict is Verdict.THROTTLED and wire.status in TOO_MANY:
            over = self.exchange.pace.over(outcome.exchange_code, self.facts.order_limit_codes)
            await pacing.pause(over, outcome.retry_after_s or pacing.PAUSE_S)
        # Raised out here, so that it holds no reference to ccxt's error: its text can hold the
        # signed query, and loggers print causes and contexts.
        raise outcome.error()

    def _is_told(self, wire: Wire, method: str, answer: Any) -> bool:
        """Whether a read learned something; that nothing is there has to be said."""
        if wire.is_hollow:
            return False
        keys = self.facts.balance_keys
        if method != "fetch_balance" or not keys:
            return True
        info = answer.get("info")
        is_list = isinstance(info, list) and bool(info)
        return is_list or (
            isinstance(info, Mapping) and any(isinstance(info.get(key), list) for key in keys)
        )

    def has(self, method: str) -> bool:
        """Whether ccxt offers ``method`` for this exchange."""
        return self.exchange.has.get(method) in (True, "emulated")


def _patience_s() -> float:
    """ccxt's time-out for a request, plus the longest wait for our turn."""
    return settings.OMS_EXCHANGE_TIMEOUT_MS / 1000 + pacing.MOST_WAIT_S


def _snake(method: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in method)
