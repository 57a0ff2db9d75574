"""How near and how far may a trailing stop stay behind the price, in percent of it?"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.exchanges.capabilities import facts

_SIDES = ("Above", "Below")


def bounds(exchange: Any, market: Mapping[str, Any]) -> dict[str, Decimal]:
    """The least and the most, by our rules' names; empty where nobody tells.

    Of derivatives it is documented for the exchange, on spot the market's own filter says it.
    """
    known = facts(exchange.id).trailing_percent
    if not market.get("contract"):
        found = _listed(market)
    else:
        found = None if known is None else (Decimal(known[0]), Decimal(known[1]))
    if found is None:
        return {}
    return {"min_trailing_percent": found[0], "max_trailing_percent": found[1]}


def _listed(market: Mapping[str, Any]) -> tuple[Decimal, Decimal] | None:
    """What Binance's TRAILING_DELTA allows on both sides of the price; in basis points there."""
    info = market.get("info")
    filters = info.get("filters") if isinstance(info, Mapping) else None
    for one in filters if isinstance(filters, list) else ():
        if one.get("filterType") == "TRAILING_DELTA":
            least = max(Decimal(str(one[f"minTrailing{side}Delta"])) for side in _SIDES)
            most = min(Decimal(str(one[f"maxTrailing{side}Delta"])) for side in _SIDES)
            return least / 100, most / 100
    return None
