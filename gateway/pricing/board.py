"""Where is the newest price of each market kept?

In this process's memory, in Redis for all processes (where ``OMS_RELAY_URL`` names one) and, every
few seconds, in a row that outlives them. Whatever is read, the newest of these wins. All of it may
be lost: whoever needs a younger price asks for it.
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from gateway.models import LastPrice
from positions.ports import SeenPrice

log = logging.getLogger(__name__)

STORE_EVERY_S = 10.0
ROW_LIFE_S = 1.0  # For so long a row that was read is not read again.
TOLD_EVERY_S = 0.2  # Other processes tell theirs so often: an own price of that age may be outdone.
LOOK_AGAIN_S = 2.0
TIMEOUT_S = 0.2
_PRICES, _FAILURES, _CLAIM = "oms.price:", "oms.price.failed:", "oms.price.asking:"

Place = tuple[str, str]
"""The key of an exchange (``gateway.exchanges.profile.Profile.key``), and a symbol."""

_known: dict[Place, SeenPrice] = {}
_fresh: dict[str, set[str]] = {}  # Symbols whose price is not told to the others yet.
_stored_at_s: dict[str, float] = {}
_read_at_s: dict[Place, float] = {}
_lock = threading.Lock()


def put(key: str, symbol: str, seen: SeenPrice) -> bool:
    """Remember a price of the exchange, unless a newer one is known; ``publish`` tells the others.

    Returns whether it is news.
    """
    with _lock:
        known = _known.get((key, symbol))
        if known is not None and known.at > seen.at:
            return False
        _known[key, symbol] = seen
        _fresh.setdefault(key, set()).add(symbol)
        return True


def known(key: str, symbol: str) -> SeenPrice | None:
    """The newest price that this process knows; nothing is asked."""
    return _known.get((key, symbol))


def newest(key: str, symbol: str, max_age_s: float) -> SeenPrice | None:
    """The newest price that any process knows, ``None`` where that is older than ``max_age_s``.

    Asks Redis as soon as another process may know better, however old a price the caller takes, and
    the database where all of these are too old; so never from a coroutine.
    """
    if _is_young(found := known(key, symbol), min(TOLD_EVERY_S, max_age_s)):
        return found
    shared(key, [symbol])
    if _is_young(found := known(key, symbol), max_age_s):
        return found
    _read_row(key, symbol)
    return found if _is_young(found := known(key, symbol), max_age_s) else None


def shared(key: str, symbols: Iterable[str]) -> None:
    """Take over what other processes know of these symbols."""
    names = list(symbols)
    told = _redis().hmget(_PRICES + key, names) if names else []
    for symbol, text in zip(names, told, strict=False):
        if text is None:
            continue
        price, at = _read(text)
        with _lock:
            here = _known.get((key, symbol))
            if here is None or here.at < at:
                _known[key, symbol] = SeenPrice(price, at)


def publish(key: str) -> None:
    """Tell the other processes what is new here, and store it now and then."""
    with _lock:
        symbols = _fresh.pop(key, set())
        rows = {symbol: _known[key, symbol] for symbol in symbols}
    if rows:
        _redis().hset(_PRICES + key, {symbol: _text(one) for symbol, one in rows.items()})
    now_s = monotonic()
    if now_s - _stored_at_s.get(key, float("-inf")) >= STORE_EVERY_S:
        _stored_at_s[key] = now_s
        _store(key)


def claim(key: str, symbols: Iterable[str], for_s: float) -> set[str]:
    """The symbols that nobody else is asking for; the others come by themselves in a moment."""
    return {symbol for symbol in symbols if _redis().claim(f"{_CLAIM}{key}:{symbol}", for_s)}


def fail(key: str, symbol: str, code: str) -> None:
    """Tell whoever waits for the price that it could not be had, and which error that is."""
    _redis().hset(_FAILURES + key, {symbol: f"{code}|{timezone.now().timestamp()}"})


def failure(key: str, symbol: str, since: datetime) -> str | None:
    """The code of the error that somebody met since then; ``None``: there was none."""
    (text,) = _redis().hmget(_FAILURES + key, [symbol]) or [None]
    if text is None:
        return None
    code, _, at = text.partition("|")
    return code if float(at) >= since.timestamp() else None


def is_shared() -> bool:
    """Whether other processes can be told, and asked, at this moment."""
    return _redis().is_there()


def forget() -> None:
    """Know nothing, as after a start."""
    with _lock:
        for memory in (_known, _fresh, _stored_at_s, _read_at_s):
            memory.clear()


def _is_young(found: SeenPrice | None, max_age_s: float) -> bool:
    return found is not None and found.age_s(timezone.now()) <= max_age_s


def _read_row(key: str, symbol: str) -> None:
    now_s = monotonic()
    if now_s - _read_at_s.get((key, symbol), float("-inf")) < ROW_LIFE_S:
        return
    _read_at_s[key, symbol] = now_s
    row = LastPrice.objects.filter(exchange_key=key, symbol=symbol).first()
    if row is not None:
        with _lock:
            here = _known.get((key, symbol))
            if here is None or here.at < row.at:
                _known[key, symbol] = SeenPrice(row.price, row.at)


def _store(key: str) -> None:
    """One row per market, for other processes without Redis and for the next start."""
    with _lock:
        mine = sorted((symbol, one) for (where, symbol), one in _known.items() if where == key)
    stored = dict(LastPrice.objects.filter(exchange_key=key).values_list("symbol", "at"))
    new = [
        LastPrice(exchange_key=key, symbol=symbol, price=one.price, at=one.at)
        for symbol, one in mine
        if symbol not in stored
    ]
    LastPrice.objects.bulk_create(new, ignore_conflicts=True)
    with transaction.atomic():
        for symbol, one in mine:
            if symbol in stored and stored[symbol] < one.at:
                rows = LastPrice.objects.filter(exchange_key=key, symbol=symbol, at__lt=one.at)
                rows.update(price=one.price, at=one.at)


def _text(one: SeenPrice) -> str:
    return f"{one.price:f}|{one.at.timestamp()}"


def _read(text: str) -> tuple[Decimal, datetime]:
    price, _, at = text.partition("|")
    return Decimal(price), datetime.fromtimestamp(float(at), UTC)


class _Nowhere:
    """Everything runs in one process: nobody else to tell or to ask."""

    def is_there(self) -> bool:
        return False

    def hmget(self, name: str, fields: list[str]) -> list[str | None]:
        return []

    def hset(self, name: str, values: Mapping[str, str]) -> None:
        pass

    def claim(self, name: str, for_s: float) -> bool:
        return True


class _Redis:
    """The same in Redis. While it is gone it counts as empty, and each process asks for itself."""

    def __init__(self, url: str) -> None:
        import redis  # Only where Redis is used.

        self._client: Any = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
        )
        self._errors: type[Exception] = redis.RedisError
        self._gone_until_s = 0.0

    def is_there(self) -> bool:
        return bool(self._try("ping"))

    def hmget(self, name: str, fields: list[str]) -> list[str | None]:
        return self._try("hmget", name, fields) or []

    def hset(self, name: str, values: Mapping[str, str]) -> None:
        self._try("hset", name, mapping=dict(values))

    def claim(self, name: str, for_s: float) -> bool:
        taken = self._try("set", name, "1", nx=True, px=round(for_s * 1000))
        return bool(taken) or monotonic() < self._gone_until_s

    def _try(self, command: str, *words: Any, **named: Any) -> Any:
        if monotonic() < self._gone_until_s:
            return None
        try:
            return getattr(self._client, command)(*words, **named)
        except self._errors:
            log.warning("prices.alone", extra={"for_s": LOOK_AGAIN_S})
            self._gone_until_s = monotonic() + LOOK_AGAIN_S
            return None


@cache
def _redis() -> _Nowhere | _Redis:
    url = settings.OMS_RELAY_URL
    return _Nowhere() if url.startswith("memory:") else _Redis(url)
