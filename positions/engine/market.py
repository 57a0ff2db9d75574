"""What is a market, as far as arithmetic needs it?"""

from dataclasses import dataclass
from decimal import Decimal

from positions.engine.money import ONE
from positions.engine.types import MarketKind


@dataclass(frozen=True, slots=True)
class Market:
    """One tradable symbol.

    ``contract_size`` is in base units for linear and in quote units for inverse contracts; spot
    has none. ``settle`` is the currency a derivative pays profit in.
    """

    symbol: str
    kind: MarketKind
    base: str
    quote: str
    settle: str | None = None
    contract_size: Decimal = ONE

    @property
    def profit_currency(self) -> str:
        """The currency of values, costs and profit: settle on derivatives, else quote."""
        if self.settle is not None:
            return self.settle
        return self.base if self.kind is MarketKind.INVERSE else self.quote

    @property
    def is_spot(self) -> bool:
        """Whether the base currency itself is held."""
        return self.kind is MarketKind.SPOT
