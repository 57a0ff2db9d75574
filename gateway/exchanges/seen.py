"""What was each class of ccxt seen to put into its requests, and to read out of an answer?

``gateway.exchanges.probe`` asks the classes and writes ``seen.json``; ``features`` and ``has`` only
claim. A class that could not be asked, or that the table lacks, is believed to do nothing but plain
orders: what is not known to be carried is not offered.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from gateway.exchanges.capabilities import ccxt_id
from gateway.exchanges.probe import table
from positions.engine.types import MarketKind, OrderType, TimeInForce, Trailing

DOES = "yes"
REDUCES = "reduces"
_PLAIN = (OrderType.LIMIT, OrderType.MARKET)
_CONTRACTS = (MarketKind.LINEAR, MarketKind.INVERSE)
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
    return _of_all(exchange_id, (kind,))


def anywhere(exchange_id: str, *, is_spot: bool) -> Seen:
    """What holds on its spot markets, or on all its contracts."""
    return _of_all(exchange_id, (MarketKind.SPOT,) if is_spot else _CONTRACTS)


@cache
def classes() -> dict[str, dict[str, Any]]:
    """The table, by ccxt id."""
    return {name: dict(row) for name, row in table.read()[1].items()}


def login_fields(exchange_id: str) -> tuple[str, ...] | None:
    """The parts of a login that the class says it needs, by ccxt's names; ``None``: not known."""
    row = classes().get(ccxt_id(exchange_id))
    return None if row is None else tuple(row["login"])


def _of_all(exchange_id: str, kinds: Iterable[MarketKind]) -> Seen:
    row = classes().get(ccxt_id(exchange_id), {})
    rows = [row[kind] for kind in kinds if kind in row]
    if not rows:
        return Seen()
    are_built = all(one["limit"] == DOES for one in rows)
    seen = Seen(
        carries_client_id=are_built and all(map(_carries_our_id, rows)),
        finds_by_client_id=_all_do(rows, "find"),
        cancels_by_client_id=_all_do(rows, "cancel"),
    )
    return _with_orders(seen, rows) if are_built else seen


def _with_orders(seen: Seen, rows: list[Mapping[str, Any]]) -> Seen:
    triggers = {kind for kind, name in _TRIGGERS.items() if _all_do(rows, name, REDUCES)}
    trails = {way for way, name in _TRAILS.items() if _all_do(rows, name)}
    plain = {OrderType.LIMIT} | ({OrderType.MARKET} if _all_do(rows, "market") else set())
    return Seen(
        order_types=frozenset(plain | triggers | ({OrderType.TRAILING_STOP} if trails else set())),
        times_in_force=frozenset(
            {TimeInForce.GTC, TimeInForce.GTD} | {word for word in _WORDS if _all_do(rows, word)}
        ),
        trailing_by=frozenset(trails),
        triggers_reduce=any(one[name] == REDUCES for one in rows for name in _TRIGGERS.values()),
        buys_base=_all_do(rows, "market_buy", "base"),
        carries_client_id=seen.carries_client_id,
        finds_by_client_id=seen.finds_by_client_id,
        cancels_by_client_id=seen.cancels_by_client_id,
    )


def _all_do(rows: list[Mapping[str, Any]], column: str, *also: str) -> bool:
    return all(one.get(column) in (DOES, *also) for one in rows)


def _carries_our_id(row: Mapping[str, Any]) -> bool:
    return row["client_id"].partition(":")[0] in _KEEPS and row["read_back"] is not None
