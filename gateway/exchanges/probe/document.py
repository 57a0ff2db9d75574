"""The table for people: which exchange does what, one line for each kind of its markets."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from gateway.exchanges import logins, seen
from gateway.exchanges.probe.table import Row
from gateway.exchanges.seen import Seen
from positions.engine.types import MarketKind, OrderType, TimeInForce

PATH = Path(__file__).parents[3] / "docs" / "exchanges.md"
_PLAIN = (OrderType.LIMIT, OrderType.MARKET)
_USUAL = (TimeInForce.GTC, TimeInForce.GTD)
_HEAD = """# What each exchange's class does

Written by `make exchanges` from ccxt {version}; what it means for orders stands in
[Add an exchange account](howto/add-an-exchange-account.md#what-an-exchange-must-have). What is not
listed for a market is refused before anything is sent. An exchange may take less than its class
carries, and `features` of ccxt may claim less: `GET /oms/symbols` tells what a market is offered.

- **our id** `found`, `cancelled`: an order is looked up, or cancelled, by it. `lists`: it comes
  back in lists of orders. `no`: an order that gets no answer is told by what it is, or by a person.
- **buys** `no`: a market buy would spend the quantity as money, or wants a price.
- Triggers **only reduce** where the class says so with each.

| exchange | market | login | besides limit and market | time in force | trails by | our id | buys |
|---|---|---|---|---|---|---|---|
"""


def text(version: str, rows: Mapping[str, Row]) -> str:
    """The whole document."""
    lines = (
        _line(name, kind) for name in sorted(rows) for kind in MarketKind if kind in rows[name]
    )
    return _HEAD.format(version=version) + "\n".join(lines) + "\n"


def _line(name: str, kind: MarketKind) -> str:
    known = seen.of(name, kind)
    if seen.classes()[name][kind]["limit"] != seen.DOES:
        told = ["could not be asked: plain orders only", "", "", _our_id(known), ""]
    else:
        told = [
            _types(known),
            _words(known.times_in_force - {*_USUAL}),
            _words(known.trailing_by),
            _our_id(known),
            "yes" if known.buys_base else "no",
        ]
    return f"| {' | '.join([name, str(kind), _words(logins.needed(name)), *told])} |"


def _types(known: Seen) -> str:
    others = _words(known.order_types - {*_PLAIN})
    missing = "" if OrderType.MARKET in known.order_types else "no market; "
    return f"{missing}{others}{' (only reduce)' if known.triggers_reduce else ''}"


def _our_id(known: Seen) -> str:
    ways = {
        "found": known.finds_by_client_id,
        "cancelled": known.cancels_by_client_id,
        "lists": known.carries_client_id,
    }
    if not known.carries_client_id:
        return "no"
    return ", ".join(way for way, holds in ways.items() if holds)


def _words(words: Iterable[str]) -> str:
    return ", ".join(sorted(map(str, words)))
