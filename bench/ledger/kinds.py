"""Which kinds of accounts does a generated ledger have?"""

from dataclasses import dataclass

from positions.engine.market import Market
from positions.engine.types import MarketKind, PositionMode, Reversal

SPOT = Market("BTC/USDT", MarketKind.SPOT, "BTC", "USDT")
LINEAR = Market("BTC/USDT:USDT", MarketKind.LINEAR, "BTC", "USDT", "USDT")
INVERSE = Market("BTC/USD:BTC", MarketKind.INVERSE, "BTC", "USD", "BTC")


@dataclass(frozen=True, slots=True)
class Kind:
    """How one account trades, and in what."""

    name: str
    market: Market
    mode: PositionMode
    reversal: Reversal = Reversal.SPLIT


KINDS = (
    Kind("netting", LINEAR, PositionMode.NETTING),
    Kind("netting, mt5", LINEAR, PositionMode.NETTING, Reversal.MT5),
    Kind("netting on spot", SPOT, PositionMode.NETTING),
    Kind("strategies", LINEAR, PositionMode.STRATEGY_NETTING),
    Kind("strategies, mt5", LINEAR, PositionMode.STRATEGY_NETTING, Reversal.MT5),
    Kind("strategies on spot", SPOT, PositionMode.STRATEGY_NETTING),
    Kind("hedge", LINEAR, PositionMode.HEDGE),
    Kind("hedge on spot", SPOT, PositionMode.HEDGE),
    Kind("hedge, inverse", INVERSE, PositionMode.HEDGE),
)
