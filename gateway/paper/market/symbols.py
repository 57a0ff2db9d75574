"""What can be traded on spot: symbols with start prices and the filters Binance puts on orders."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Spec:
    """One symbol. ``tick`` is the price step, ``step`` the quantity step, in their own units.

    ``start`` is the price on the venue's first day and ``level_notional`` the worth, in quote
    units, of the best level of the synthetic ladder. ``tick * step`` never needs more than eight
    decimals, so that what a fill costs is always exact on the wire.
    """

    symbol: str
    base: str
    quote: str
    start: Decimal
    tick: Decimal
    step: Decimal
    min_notional: Decimal
    level_notional: Decimal
    max_qty: Decimal = Decimal(100_000_000)
    max_price: Decimal = Decimal(10_000_000)
    max_notional: Decimal = Decimal(90_000_000)

    @property
    def min_qty(self) -> Decimal:
        return self.step


def _spec(base: str, quote: str, start: str, tick: str, step: str, *, worth: str = "20000") -> Spec:
    return Spec(
        symbol=base + quote,
        base=base,
        quote=quote,
        start=Decimal(start),
        tick=Decimal(tick),
        step=Decimal(step),
        min_notional=Decimal("0.0001") if quote == "BTC" else Decimal(5),
        level_notional=Decimal(worth),
    )


SPOT = {
    spec.symbol: spec
    for spec in (
        _spec("BTC", "USDT", "60000", "0.01", "0.00001"),
        _spec("ETH", "USDT", "3000", "0.01", "0.0001"),
        _spec("BNB", "USDT", "600", "0.01", "0.001"),
        _spec("SOL", "USDT", "150", "0.01", "0.001"),
        _spec("XRP", "USDT", "0.6", "0.0001", "0.1"),
        _spec("ADA", "USDT", "0.45", "0.0001", "0.1"),
        _spec("DOGE", "USDT", "0.12", "0.00001", "1"),
        _spec("LTC", "USDT", "80", "0.01", "0.001"),
        _spec("LINK", "USDT", "15", "0.01", "0.01"),
        _spec("DOT", "USDT", "6", "0.001", "0.01"),
        _spec("AVAX", "USDT", "30", "0.01", "0.01"),
        _spec("BTC", "USDC", "60000", "0.01", "0.00001"),
        _spec("ETH", "USDC", "3000", "0.01", "0.0001"),
        _spec("ETH", "BTC", "0.05", "0.00001", "0.001", worth="0.4"),
        _spec("BNB", "BTC", "0.01", "0.000001", "0.01", worth="0.4"),
    )
}

ASSETS = sorted({asset for spec in SPOT.values() for asset in (spec.base, spec.quote)})
