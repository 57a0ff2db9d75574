"""What does one position of derivatives at the exchange hold, and what did it cost?"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.exchanges.numbers import ZERO, Unreadable, exact, positive

TOLD = Decimal("1e-8")


@dataclass(frozen=True, slots=True)
class Held:
    """One position of derivatives: ``qty`` signed, in contracts.

    ``cost`` is what it was bought for, in ``currency``, signed so that money less cost does not
    change with the price: of inverse contracts it is negative for a long. ``slack`` is by how much
    it may be off, because exchanges tell money and prices with eight places.
    """

    symbol: str
    qty: Decimal
    cost: Decimal
    currency: str
    slack: Decimal = ZERO


def held_contracts(position: Mapping[str, Any], market: Mapping[str, Any]) -> Held:
    """One ccxt position.

    Its cost is taken from worth and unrealised profit, of which exchanges tell more digits than of
    the entry price; else from that.

    Raises:
        Unreadable: contracts are held, but side or price is missing.
    """
    symbol, currency = position["symbol"], market.get("settle") or market.get("quote") or ""
    contracts = exact(position.get("contracts"), "contracts")
    if not contracts:
        return Held(symbol, ZERO, ZERO, currency)
    sign = {"long": 1, "short": -1}.get(position.get("side") or "")
    if sign is None:
        raise Unreadable("side is missing")
    inverse = bool(market.get("inverse"))
    worth, profit = exact(position.get("notional")), exact(position.get("unrealizedPnl"))
    if worth is not None and profit is not None and not inverse:
        return Held(symbol, sign * contracts, sign * abs(worth) - profit, currency, 2 * TOLD)
    entry = positive(position.get("entryPrice"), "entryPrice")
    if entry is None:
        raise Unreadable("entryPrice is missing")
    size = contracts * (positive(market.get("contractSize")) or 1)
    if inverse:
        off = size / (entry - TOLD) - size / entry
        return Held(symbol, sign * contracts, -sign * size / entry, currency, off)
    return Held(symbol, sign * contracts, sign * size * entry, currency, size * TOLD)
