"""What is different about each exchange?

Facts that ccxt's classes do not show, by ccxt id (what they do, ``gateway.exchanges.seen`` has);
the path of an order assumes none of them. An exchange without an entry gets the careful defaults:
changes are made by cancel and create, and only an HTTP 429 proves that it was too busy.

Sources: codes from Binance's error documentation and observation with ccxt 4.5.90 (faults, section
3).
"""

import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from gateway.exchanges import binance, codes, endings, filters
from gateway.exchanges.facts import Facts
from gateway.words import Verdict
from positions.engine.types import MarketKind, Reason

PREFIXES = ("ccxt.", "ccxtpro.")
DEFAULT_NOT_FOUND_WINDOW_S = 600
DEFAULT_RECV_WINDOW_MS = 5000
CLOCK_MARGIN_S = 3


_BYBIT = Facts(
    codes=codes.BYBIT,
    refusal_codes=codes.BYBIT_REFUSALS,
    filters=filters.BYBIT,
    endings=endings.BYBIT,
    client_id_length=36,
    trigger_style="direction",
    # https://bybit-exchange.github.io/docs/v5/order/open-order: all kinds without orderFilter.
    lists_triggers=True,
    options={"fetchOrder": {"acknowledged": True}},  # It reaches the last 500 orders only.
)
_OKX = Facts(
    codes=codes.OKX,
    refusal_codes=codes.OKX_REFUSALS,
    filters=filters.OKX,
    endings=endings.OKX,
    conditional_apart=True,
)
_GATE = Facts(
    client_id_length=28,
    client_id_prefix="t-",
    endings=endings.GATE,
)
_NUMBERS = Facts(json_numbers=True)
# Its contracts are compared as numbers.
_KUCOIN = Facts(client_id_length=40, json_numbers=True)

FACTS: Mapping[str, Facts] = {
    "binance": binance.SPOT,
    "binanceus": binance.SPOT,
    "binanceusdm": binance.LINEAR,
    "binancecoinm": binance.INVERSE,
    "bybit": _BYBIT,
    "bybiteu": _BYBIT,
    "bybitid": _BYBIT,
    "okx": _OKX,
    "okxus": _OKX,
    "myokx": _OKX,
    "kraken": Facts(
        client_id_length=18,
        throttle_is_proof=True,
        refusal_codes=codes.KRAKEN_REFUSALS,
        filters=filters.KRAKEN,
    ),
    "krakenfutures": Facts(
        codes={"clientOrderIdAlreadyExist": Verdict.ADOPT}, client_id_length=100
    ),
    "gate": _GATE,
    "gateeu": _GATE,
    "bingx": Facts(codes={"101481": Verdict.ADOPT, "109201": Verdict.ADOPT}, client_id_length=40),
    "bitget": Facts(client_id_length=64),
    "coinbaseexchange": Facts(client_id_length=36),
    "htx": Facts(client_id_length=64),
    "kucoin": _KUCOIN,
    "kucoinfutures": _KUCOIN,
    "deribit": Facts(orders_by_get=True),
    "coinbaseinternational": Facts(orders_by_get=True, float_numbers=True),
    # These put the quantity into their JSON body as it was given.
    "bitflyer": _NUMBERS,
    "coinspot": _NUMBERS,
    "cryptomus": _NUMBERS,
    "digifinex": _NUMBERS,
    "independentreserve": _NUMBERS,
    "paymium": _NUMBERS,
}
_DEFAULT = Facts()


def facts(exchange_id: str) -> Facts:
    """What is known about an exchange, by our id (``ccxt.kraken``) or ccxt's (``kraken``)."""
    return FACTS.get(ccxt_id(exchange_id), _DEFAULT)


def ccxt_id(exchange_id: str) -> str:
    """ccxt's own id: ``ccxtpro.kraken`` → ``kraken``."""
    for prefix in PREFIXES:
        if exchange_id.startswith(prefix):
            return exchange_id.removeprefix(prefix)
    return exchange_id


def is_streaming(exchange_id: str) -> bool:
    """Whether the account keeps private streams open."""
    return exchange_id.startswith("ccxtpro.")


@cache
def exchange_ids() -> frozenset[str]:
    """Every ``ccxt.*`` and ``ccxtpro.*`` id of the installed ccxt, without importing it."""
    spec = importlib.util.find_spec("ccxt")
    if spec is None or spec.origin is None:
        return frozenset()
    home = Path(spec.origin).parent
    return frozenset(
        prefix + module.stem
        for prefix, folder in zip(PREFIXES, ("async_support", "pro"), strict=True)
        for module in (home / folder).glob("*.py")
        if not module.stem.startswith("_")
    )


def forced_reason(exchange_id: str, client_order_id: str | None) -> Reason | None:
    """Why the exchange closed a position with an order of this client id; ``None``: it did not."""
    prefixes = facts(exchange_id).forced_client_ids
    given = client_order_id or ""
    return next((why for prefix, why in prefixes.items() if given.startswith(prefix)), None)


def edits_in_place(exchange_id: str, kind: MarketKind) -> bool:
    """Whether a live limit order of such a market keeps its id through a change."""
    return kind is not MarketKind.SPOT and facts(exchange_id).edits_in_place


def options(exchange_id: str, *, default_type: str = "") -> dict[str, Any]:
    """The ccxt options of a new session."""
    known = facts(exchange_id)
    chosen = dict(known.options)
    chosen["recvWindow"] = recv_window_ms(exchange_id)
    chosen["maxRetriesOnFailure"] = 0  # ccxt would post an order again.
    if types := known.market_types.get(default_type, known.market_types.get("")):
        chosen["fetchMarkets"] = {"types": list(types)}
    if default_type:
        chosen["defaultType"] = default_type
    return {name: value for name, value in chosen.items() if value is not None}


def recv_window_ms(exchange_id: str) -> int:
    """How old a request may be when the exchange looks at it, where it has such a rule.

    ``OMS_RECV_WINDOW_MS``, a number or one per id.
    """
    configured = _for_exchange(settings.OMS_RECV_WINDOW_MS, exchange_id)
    return DEFAULT_RECV_WINDOW_MS if configured is None else int(configured)


def in_flight_s(exchange_id: str) -> float:
    """How long a request that left may still be accepted: the receive window and the margin."""
    return recv_window_ms(exchange_id) / 1000 + CLOCK_MARGIN_S


def not_found_window_s(exchange_id: str) -> float:
    """How long "no such order" proves nothing: ``OMS_NOT_FOUND_WINDOW_S``, a number or one per id.

    Never below the receive window plus the clock margin: until then a request that is still on its
    way may be accepted.
    """
    configured = _for_exchange(settings.OMS_NOT_FOUND_WINDOW_S, exchange_id)
    window_s = DEFAULT_NOT_FOUND_WINDOW_S if configured is None else float(configured)
    return max(window_s, in_flight_s(exchange_id))


def _for_exchange(configured: Any, exchange_id: str) -> Any:
    """A setting that is one value, or one per ccxt id with a ``default``."""
    if isinstance(configured, Mapping):
        return configured.get(ccxt_id(exchange_id), configured.get("default"))
    return configured
