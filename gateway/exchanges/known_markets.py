"""Which rules of markets are known, without asking the exchange?

Memory first, for a moment, then the database, where ``gateway.sessions`` has stored the list that
the exchange gave. Any process may ask, also one that never imports ccxt.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from decimal import Decimal
from time import monotonic
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from gateway.exchanges.profile import profile_for
from gateway.models import Catalogue, Market
from positions.engine.types import MarketKind, OrderType, TimeInForce, Trailing, TriggerBy
from positions.ports import MarketRules

MEMORY_LIFE_S = 2  # Another process may have loaded the list anew.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one market; ``rules`` is None where the exchange's list lacks it."""

    rules: MarketRules | None
    loaded_at: datetime
    read_at_s: float

    @property
    def is_old(self) -> bool:
        """Whether the list is older than ``OMS_MARKETS_TTL_S``."""
        age_s = (timezone.now() - self.loaded_at).total_seconds()
        return age_s >= settings.OMS_MARKETS_TTL_S


_rules: dict[tuple[str, str], Known] = {}


def look_up(key: str, symbol: str) -> Known | None:
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
        known = Known(from_json(row[0]), row[1], monotonic())
    else:
        loaded_at = (
            Catalogue.objects.filter(exchange_key=key).values_list("loaded_at", flat=True).first()
        )
        if loaded_at is None:
            return None
        known = Known(None, loaded_at, monotonic())
    _rules[key, symbol] = known
    return known


def known(account_id: int, symbol: str) -> MarketRules | None:
    """The rules of ``symbol`` as memory or the database has them; the network is not asked."""
    found = look_up(profile_for(account_id).key, symbol)
    return None if found is None else found.rules


def gone(key: str, listed: Collection[str]) -> list[MarketRules]:
    """The rules of the markets that an exchange listed once, and not any more."""
    stored = Market.objects.filter(catalogue__exchange_key=key)
    symbols = {*stored.values_list("symbol", flat=True)} - {*listed}
    return [from_json(row.rules) for row in stored.filter(symbol__in=symbols)]


def symbols_named(account_id: int, name: str) -> list[str] | None:
    """Every symbol that ``name`` means on the account's exchange: its own, or a market's id there.

    One id may name a spot market and a perpetual. ``None``: the list was never loaded.
    """
    catalogue = Catalogue.objects.filter(exchange_key=profile_for(account_id).key).first()
    if catalogue is None:
        return None
    has_id = Q(rules__contains=f'"market_id":{json.dumps(name)}')
    rows = catalogue.markets.filter(Q(symbol=name) | has_id).order_by("symbol")
    # Databases compare text in their own ways.
    return [row.symbol for row in rows if name in (row.symbol, from_json(row.rules).market_id)]


def listed(
    key: str, *, containing: str = "", named: Collection[str] | None = None
) -> list[MarketRules] | None:
    """The rules of the markets of an exchange whose symbol has the text in it, however written.

    ``named``: of these only. ``None``: the list was never loaded.
    """
    catalogue = Catalogue.objects.filter(exchange_key=key).first()
    if catalogue is None:
        return None
    rows = catalogue.markets.values_list("symbol", "rules")
    if named is not None:
        rows = rows.filter(symbol__in=named)
    text = containing.casefold()
    return [from_json(rules) for symbol, rules in rows if text in symbol.casefold()]


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


def forget() -> None:
    """Know nothing that is not in the database."""
    _rules.clear()


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
    values["trigger_by"] = frozenset(map(TriggerBy, values["trigger_by"] or (TriggerBy.LAST,)))
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
        "min_trailing_percent",
        "max_trailing_percent",
        "taker_rate",
        "maker_rate",
    }
)


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
