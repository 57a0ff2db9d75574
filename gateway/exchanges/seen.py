"""What was each class of ccxt seen to put into its requests, and to read out of an answer?

``gateway.exchanges.probe`` asks the classes and writes ``seen.json``; ``features`` and ``has`` only
claim. A class that could not be asked, or that the table lacks, is believed to do nothing but plain
orders: what is not known to be carried is not offered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from gateway.exchanges.capabilities import ccxt_id
from gateway.exchanges.probe import table
from positions.engine.types import MarketKind, OrderType, TimeInForce, Trailing

DOES = "yes"
REDUCES = "reduces"
_PLAIN = (OrderType.LIMIT, OrderType.MARKET)
_TRIGGERS: Mapping[OrderType, str] = {
    OrderType.STOP: "stop",
    OrderType.STOP_LIMIT: "stop_limit",
    OrderType.TAKE_PROFIT: "take_profit",
    OrderType.TAKE_PROFIT_LIMIT: "take_profit_limit",
}
_TRAILS: Mapping[Trailing, str] = {
    Trailing.AMOUNT: "trailing_amount",
    Trailing.PERCENT: "trailing_percent",
}
_WORDS = (TimeInForce.IOC, TimeInForce.FOK, TimeInForce.PO)
_KEEPS = ("kept", "prefixed")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the class of an exchange does on some markets.

    ``order_types``, ``times_in_force``, ``trailing_by``: what its requests carry.
    ``triggers_reduce``: a trigger there may only reduce a position, whatever it is told.
    ``buys_base``: a market buy takes the quantity for what it is, not for money, and needs no
        price.
    ``carries_client_id``: our id leaves as it is, and is read out of its orders again, so that an
        unanswered order can be found.
    ``finds_by_client_id``, ``cancels_by_client_id``: a look-up and a cancel say which order is
        meant by our id, and leave no other id empty.
    """

    order_types: frozenset[OrderType] = frozenset(_PLAIN)
    times_in_force: frozenset[TimeInForce] = frozenset({TimeInForce.GTC})
    trailing_by: frozenset[Trailing] = frozenset()
    triggers_reduce: bool = False
    buys_base: bool = True
    carries_client_id: bool = False
    finds_by_client_id: bool = False
    cancels_by_client_id: bool = False


def of(exchange_id: str, kind: MarketKind) -> Seen:
    """What is known of one kind of its markets."""
    row = classes().get(ccxt_id(exchange_id), {}).get(kind)
    if row is None:
        return Seen()
    finds, cancels = _does(row, "find"), _does(row, "cancel")
    if not _does(row, "limit"):
        return Seen(finds_by_client_id=finds, cancels_by_client_id=cancels)
    triggers = {kind for kind, name in _TRIGGERS.items() if _does(row, name, REDUCES)}
    trails = {way for way, name in _TRAILS.items() if _does(row, name)}
    plain = {OrderType.LIMIT} | ({OrderType.MARKET} if _does(row, "market") else set())
    words = {word for word in _WORDS if _does(row, word)}
    return Seen(
        order_types=frozenset(plain | triggers | ({OrderType.TRAILING_STOP} if trails else set())),
        times_in_force=frozenset({TimeInForce.GTC, TimeInForce.GTD} | words),
        trailing_by=frozenset(trails),
        triggers_reduce=any(row[name] == REDUCES for name in _TRIGGERS.values()),
        buys_base=_does(row, "market_buy", "base"),
        carries_client_id=_carries_our_id(row),
        finds_by_client_id=finds,
        cancels_by_client_id=cancels,
    )


def kind_of(symbol: str, *, is_spot: bool) -> MarketKind:
    """Which kind of market a symbol of ccxt's form names."""
    if is_spot:
        return MarketKind.SPOT
    settle = symbol.partition(":")[2].partition("-")[0]
    return MarketKind.INVERSE if settle == symbol.partition("/")[0] else MarketKind.LINEAR


@cache
def classes() -> dict[str, dict[str, Any]]:
    """The table, by ccxt id."""
    return {name: dict(row) for name, row in table.read()[1].items()}


def login_fields(exchange_id: str) -> tuple[str, ...] | None:
    """The parts of a login that the class says it needs, by ccxt's names; ``None``: not known."""
    row = classes().get(ccxt_id(exchange_id))
    return None if row is None else tuple(row["login"])


def _does(row: Mapping[str, Any], column: str, *also: str) -> bool:
    return row.get(column) in (DOES, *also)


def _carries_our_id(row: Mapping[str, Any]) -> bool:
    return row["client_id"].partition(":")[0] in _KEEPS and row["read_back"] is not None
