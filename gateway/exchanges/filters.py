"""Which rule of a market does a refusal speak of?

By the exchange's own code, by a word that it documents as the name of a filter, else by ccxt's
class. Whoever is told so knows that the market's rules as we hold them may be old.

Sources: https://developers.binance.com/docs/binance-spot-api-docs/filters and …/derivatives/
usds-margined-futures/error-code; https://bybit-exchange.github.io/docs/v5/error;
https://www.okx.com/docs-v5/en/#error-code-rest-api-trade;
https://docs.kraken.com/api/docs/guides/spot-errors
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from positions.engine.types import MarketFilter

STEP, TICK, QUANTITY = MarketFilter.STEP, MarketFilter.TICK, MarketFilter.QUANTITY
VALUE, PRICE, STATUS = MarketFilter.VALUE, MarketFilter.PRICE, MarketFilter.STATUS


@dataclass(frozen=True, slots=True)
class Filters:
    """How one exchange names the rule that an order broke.

    ``codes``: by its own error number. ``words``: by a part of the text, of those codes that stand
    for every filter; the first that is found counts.
    """

    codes: Mapping[str, MarketFilter] = field(default_factory=dict)
    words: Mapping[str, MarketFilter] = field(default_factory=dict)


_CLASSES: Mapping[str, MarketFilter] = {
    "InvalidOrder": MarketFilter.UNNAMED,
    "BadSymbol": STATUS,
    "MarketClosed": STATUS,
    "ContractUnavailable": STATUS,
}

BINANCE = Filters(
    codes={
        "-1111": STEP,  # "Precision is over the maximum defined for this asset."
        "-1121": STATUS,  # "Invalid symbol."
        "-4001": PRICE,
        "-4002": PRICE,
        "-4003": QUANTITY,
        "-4004": QUANTITY,
        "-4005": QUANTITY,
        "-4013": PRICE,
        "-4014": TICK,
        "-4016": PRICE,
        "-4023": STEP,
        "-4024": PRICE,
        "-4108": STATUS,  # "This contract is being settled."
        "-4131": PRICE,
        "-4140": STATUS,  # "Invalid symbol status for opening position."
        "-4141": STATUS,  # "Symbol is closed."
        "-4164": VALUE,
    },
    words={
        "MARKET_LOT_SIZE": QUANTITY,
        "LOT_SIZE": STEP,
        "PRICE_FILTER": TICK,
        "PERCENT_PRICE": PRICE,
        "NOTIONAL": VALUE,
        "Market is closed": STATUS,
        "Invalid quantity": QUANTITY,
        "Invalid price": PRICE,
    },
)
BYBIT = Filters(
    codes={
        "110074": STATUS,
        "110094": VALUE,
        "170121": STATUS,
        "170124": QUANTITY,
        "170132": PRICE,
        "170133": PRICE,
        "170134": TICK,
        "170135": QUANTITY,
        "170136": QUANTITY,
        "170137": STEP,
        "170140": VALUE,
    }
)
OKX = Filters(
    codes={
        "51001": STATUS,
        "51006": PRICE,
        "51020": QUANTITY,
        "51027": STATUS,
        "51028": STATUS,
        "51087": STATUS,
        "51121": STEP,
    }
)
KRAKEN = Filters(
    words={
        "EOrder:Order minimum not met": QUANTITY,
        "EOrder:Cost minimum not met": VALUE,
        "EOrder:Tick size check failed": TICK,
        "EOrder:Invalid price": TICK,
        "EService:Market in": STATUS,
    }
)


def broken_filter(
    known: Filters, *, exception: str, code: str | None, body: str
) -> MarketFilter | None:
    """The rule that a refusal speaks of; ``None``: it is about something else.

    Where the exchange's codes are known, ccxt's class counts only for a code that is not among
    them and says plainly that the market is not there.
    """
    if found := known.codes.get(code or ""):
        return found
    if word := next((word for word in known.words if word in body), None):
        return known.words[word]
    by_class = _CLASSES.get(exception)
    is_listed = bool(known.codes or known.words)
    return None if is_listed and by_class is MarketFilter.UNNAMED else by_class
