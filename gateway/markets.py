"""Which rules does a market have, and what did it last trade at?

Asked by every process, also by web processes that never import ccxt: memory first, then the
database, and only when the exchange's list was never loaded (or is old and lacks the symbol) the
network. Workers load and refresh the list (``refresh``).
"""

import hashlib
import json
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from decimal import Decimal
from time import monotonic
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import Account
from accounts.words import RawStorage
from gateway import capabilities, loop
from gateway.models import Catalogue, LastPrice, Market
from gateway.rebase import base_of
from oms_project.errors import AccountNotFound, EngineUnavailable, Invalid
from positions.engine.types import MarketKind, OrderType, TimeInForce, Trailing
from positions.ports import MarketRules

KEY_LENGTH = 191
PROFILE_LIFE_S = 10
MEMORY_LIFE_S = 60
PRICE_LIFE_S = 1
BATCH = 500


@dataclass(frozen=True, slots=True)
class Profile:
    """What decides which session and markets an account has, and where its evidence goes; no
    secret in it.
    """

    account_id: int
    exchange_id: str
    is_testnet: bool = False
    default_type: str = ""
    uid: str = ""
    raw_storage: RawStorage = RawStorage.SHARED

    @property
    def key(self) -> str:
        """The same for accounts that see the same markets."""
        name = capabilities.ccxt_id(self.exchange_id)
        parts = [name, self.default_type, "testnet" if self.is_testnet else ""]
        key = "/".join(filter(None, parts))
        if base := base_of(name):
            key += f"@{base}"
        if len(key) <= KEY_LENGTH:
            return key
        mark = hashlib.sha256(key.encode()).hexdigest()
        return f"{key[: KEY_LENGTH - len(mark) - 1]}#{mark}"


@dataclass(frozen=True, slots=True)
class _Known:
    rules: MarketRules | None
    loaded_at: datetime
    read_at_s: float


@dataclass(frozen=True, slots=True)
class _Price:
    price: Decimal | None
    read_at_s: float


_profiles: dict[int, tuple[Profile, float]] = {}
_rules: dict[tuple[str, str], _Known] = {}
_prices: dict[tuple[str, str], _Price] = {}
_stored_at_s: dict[tuple[str, str], float] = {}
_refreshing: dict[str, "Future[None]"] = {}
_lock = threading.Lock()


def rules(account_id: int, symbol: str) -> MarketRules:
    """The rules of ``symbol`` on the account's exchange.

    May ask the network, so it is never called inside a transaction. A list older than
    ``OMS_MARKETS_TTL_S`` is refreshed in the background while the old rules are used.

    Raises:
        Invalid: the exchange has no such symbol.
        EngineUnavailable: the list was never loaded and cannot be loaded now.
        AccountNotFound: there is no such account.
    """
    who = profile(account_id)
    known = _look_up(who.key, symbol)
    if known is None or (known.rules is None and _is_old(known)):
        _load_now(account_id)
        known = _look_up(who.key, symbol)
    elif _is_old(known):
        _refresh_soon(account_id, who.key)
    if known is None or known.rules is None:
        raise Invalid("The exchange has no such symbol.", field="symbol", value=symbol)
    return known.rules


def known(account_id: int, symbol: str) -> MarketRules | None:
    """The rules of ``symbol`` as memory or the database has them; the network is not asked."""
    found = _look_up(profile(account_id).key, symbol)
    return None if found is None else found.rules


async def refresh(account_id: int) -> None:
    """Load the account's markets from its exchange and store what changed.

    Raises:
        EngineUnavailable: the exchange cannot be asked.
        AccountNotFound: there is no such account.
    """
    from gateway import sessions  # Sessions imports this module, and later ccxt.

    await sessions.load_catalogue(await loop.db(profile, account_id), reload=True)


def store(key: str, loaded: Iterable[MarketRules], at: datetime) -> None:
    """Write the list of one exchange: new and changed markets only; those gone become inactive."""
    catalogue, _ = Catalogue.objects.get_or_create(exchange_key=key, defaults={"loaded_at": at})
    stored = {market.symbol: market for market in catalogue.markets.all()}
    fresh = {one.symbol: one for one in loaded}
    new, changed = [], []
    for symbol, one in fresh.items():
        text = to_json(one)
        if (market := stored.get(symbol)) is None:
            new.append(Market(catalogue=catalogue, symbol=symbol, rules=text))
        elif market.rules != text:
            market.rules = text
            changed.append(market)
    for symbol in stored.keys() - fresh.keys():
        gone = json.loads(stored[symbol].rules)
        if gone["active"]:
            stored[symbol].rules = _dumps(gone | {"active": False})
            changed.append(stored[symbol])
    Market.objects.bulk_create(new, batch_size=BATCH, ignore_conflicts=True)
    Market.objects.bulk_update(changed, ["rules"], batch_size=BATCH)
    Catalogue.objects.filter(pk=catalogue.pk).update(loaded_at=at)
    for place in [place for place in _rules if place[0] == key]:
        _rules.pop(place, None)


def profile(account_id: int) -> Profile:
    """The account's profile, at most ten seconds old.

    Raises:
        AccountNotFound: there is no such account.
    """
    known = _profiles.get(account_id)
    if known is not None and monotonic() - known[1] < PROFILE_LIFE_S:
        return known[0]
    account = Account.objects.filter(pk=account_id).first()
    if account is None:
        raise AccountNotFound(account_id=account_id)
    found = profile_of(account)
    _profiles[account_id] = (found, monotonic())
    return found


def profile_of(account: Account) -> Profile:
    """What matters here of an account row; of ``extra_config`` only allow-listed fields."""
    extra = account.extra_config if isinstance(account.extra_config, Mapping) else {}
    return Profile(
        account_id=account.pk,
        exchange_id=account.exchange_id,
        is_testnet=account.is_testnet,
        default_type=_word(extra.get("defaultType")),
        uid=_word(extra.get("uid")),
        raw_storage=RawStorage(account.raw_storage),
    )


def forget(account_id: int | None = None) -> None:
    """Read the account's settings again (``None``: forget everything this process knows)."""
    if account_id is not None:
        _profiles.pop(account_id, None)
        return
    for memory in (_profiles, _rules, _prices, _stored_at_s, _refreshing):
        memory.clear()


def remember_prices(
    account_id: int,
    prices: Mapping[str, Decimal],
    at: datetime | None = None,
    *,
    every_s: float = PRICE_LIFE_S,
) -> None:
    """Keep the newest prices; each symbol is written to the database at most once a second.

    Writes, so a coroutine calls it through ``loop.db``. ``at`` is now where it is left out.
    """
    key, now_s = profile(account_id).key, monotonic()
    at = at or timezone.now()
    due = {}
    for symbol, price in prices.items():
        _prices[key, symbol] = _Price(price, now_s)
        if now_s - _stored_at_s.get((key, symbol), 0) >= every_s:
            _stored_at_s[key, symbol] = now_s
            due[symbol] = price
    for symbol, price in due.items():
        rows = LastPrice.objects.filter(exchange_key=key, symbol=symbol)
        if not rows.update(price=price, at=at):
            fresh = LastPrice(exchange_key=key, symbol=symbol, price=price, at=at)
            LastPrice.objects.bulk_create([fresh], ignore_conflicts=True)


def remember_price(
    account_id: int, symbol: str, price: Decimal, at: datetime | None = None
) -> None:
    """Keep the price of a fill, always: it may be the last for long."""
    remember_prices(account_id, {symbol: price}, at, every_s=0)


def last_price(account_id: int, symbol: str) -> Decimal | None:
    """The newest price known, from memory or the database; the network is not asked."""
    key = profile(account_id).key
    known = _prices.get((key, symbol))
    if known is None or monotonic() - known.read_at_s >= PRICE_LIFE_S:
        price = (
            LastPrice.objects.filter(exchange_key=key, symbol=symbol)
            .values_list("price", flat=True)
            .first()
        )
        known = _prices[key, symbol] = _Price(price, monotonic())
    return known.price


def to_json(known: MarketRules) -> str:
    """Rules as JSON with exact strings."""
    return _dumps({name: _as_json(value) for name, value in asdict(known).items()})


def from_json(text: str) -> MarketRules:
    """The rules that ``to_json`` wrote."""
    stored = json.loads(text)
    values: dict[str, Any] = {}
    for one in fields(MarketRules):
        value = stored.get(one.name)
        if one.name in _DECIMALS and value is not None:
            value = Decimal(value)
        values[one.name] = value
    values["kind"] = MarketKind(values["kind"])
    values["order_types"] = frozenset(map(OrderType, values["order_types"] or ()))
    values["times_in_force"] = frozenset(map(TimeInForce, values["times_in_force"] or ()))
    values["trailing_by"] = frozenset(map(Trailing, values["trailing_by"] or ()))
    return MarketRules(**values)


_DECIMALS = frozenset(
    {
        "contract_size",
        "amount_step",
        "price_step",
        "min_amount",
        "max_amount",
        "min_market_amount",
        "max_market_amount",
        "min_price",
        "max_price",
        "min_cost",
        "max_cost",
    }
)


def _look_up(key: str, symbol: str) -> _Known | None:
    """What memory or the database knows; ``None``: the exchange's list was never loaded."""
    known = _rules.get((key, symbol))
    if known is not None and monotonic() - known.read_at_s < MEMORY_LIFE_S:
        return known
    row = (
        Market.objects.filter(catalogue__exchange_key=key, symbol=symbol)
        .values_list("rules", "catalogue__loaded_at")
        .first()
    )
    if row is not None:
        known = _Known(from_json(row[0]), row[1], monotonic())
    else:
        loaded_at = (
            Catalogue.objects.filter(exchange_key=key).values_list("loaded_at", flat=True).first()
        )
        if loaded_at is None:
            return None
        known = _Known(None, loaded_at, monotonic())
    _rules[key, symbol] = known
    return known


def _is_old(known: _Known) -> bool:
    age_s = (timezone.now() - known.loaded_at).total_seconds()
    return age_s >= float(getattr(settings, "OMS_MARKETS_TTL_S", 3600))


def _load_now(account_id: int) -> None:
    timeout_s = 3 * int(getattr(settings, "OMS_EXCHANGE_TIMEOUT_MS", 10_000)) / 1000
    try:
        loop.call(refresh(account_id), timeout_s)
    except TimeoutError:
        raise EngineUnavailable("The exchange's markets did not arrive in time.") from None


def _refresh_soon(account_id: int, key: str) -> None:
    """Refresh in the background, one at a time per list; a failure leaves the old list in use."""
    with _lock:
        running = _refreshing.get(key)
        if running is None or running.done():
            _refreshing[key] = loop.run(refresh(account_id))


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _as_json(value: Any) -> Any:
    match value:
        case Decimal():
            return format(value, "f")
        case set() | frozenset():
            return sorted(map(str, value))
        case _:
            return value


def _dumps(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
