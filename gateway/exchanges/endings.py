"""Why did the exchange end an order by itself?

Each exchange says it in a field of its own, in its answer (``info``) or its stream. What is here is
what its documentation lists; of what is not, nothing is said.

Sources: https://developers.binance.com/docs/binance-spot-api-docs/enums (EXPIRED_IN_MATCH) and
…/derivatives/usds-margined-futures/user-data-streams/Event-Order-Update (``er``);
https://bybit-exchange.github.io/docs/v5/enum#canceltype;
https://www.okx.com/docs-v5/en/#order-book-trading-trade-get-order-details (``cancelSource``);
https://www.gate.com/docs/developers/apiv4/en (``finish_as``).
"""

from collections.abc import Mapping
from typing import Any

SELF_TRADE = "self-trade prevention"
LIQUIDATION = "liquidation"
ADL = "auto-deleveraging"
REDUCE_ONLY = "its reduce-only rule"
DELISTED = "the end of the market"

Endings = Mapping[str, Mapping[str, str]]
"""Field of the answer → its value → why."""

BINANCE: Endings = {
    "status": {"EXPIRED_IN_MATCH": SELF_TRADE},
    "X": {"EXPIRED_IN_MATCH": SELF_TRADE},
    "x": {"TRADE_PREVENTION": SELF_TRADE, "CALCULATED": LIQUIDATION},
    "er": {"1": SELF_TRADE, "3": SELF_TRADE, "4": REDUCE_ONLY, "5": LIQUIDATION, "7": DELISTED},
}
BYBIT: Endings = {
    "cancelType": {
        "CancelBySmp": SELF_TRADE,
        "CancelByPrepareLiq": LIQUIDATION,
        "CancelAllBeforeLiq": LIQUIDATION,
        "CancelByPrepareAdl": ADL,
        "CancelAllBeforeAdl": ADL,
        "CancelByReduceOnly": REDUCE_ONLY,
        "CancelBySettle": DELISTED,
    }
}
OKX: Endings = {
    "cancelSource": {
        "3": LIQUIDATION,
        "6": ADL,
        "7": DELISTED,
        "22": REDUCE_ONLY,
        "23": REDUCE_ONLY,
        "32": SELF_TRADE,
    }
}
GATE: Endings = {
    "finish_as": {
        "stp": SELF_TRADE,
        "liquidated": LIQUIDATION,
        "auto_deleveraged": ADL,
        "reduce_only": REDUCE_ONLY,
        "reduce_out": REDUCE_ONLY,
        "position_closed": REDUCE_ONLY,
    }
}


def ended_by(known: Endings, info: Any) -> str:
    """Why the exchange ended the order that ``info`` describes; empty where it does not say."""
    if not isinstance(info, Mapping):
        return ""
    said = (words.get(str(info.get(field, ""))) for field, words in known.items())
    return next(filter(None, said), "")
