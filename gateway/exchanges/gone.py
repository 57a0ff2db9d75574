"""How is an exchange asked about a market that it does not list any more?

An order may rest there still, and a position be held. ccxt builds a request only for a market that
it knows, so those that were listed once are put back from our stored rules: not active, and marked
``gone``, so that nothing but what concerns their orders is asked.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from positions.engine.types import MarketKind
from positions.ports import MarketRules


def is_gone(market: Mapping[str, Any]) -> bool:
    """Whether the exchange does not list it any more."""
    return market.get("gone") is True


def put_back(attributes: Mapping[str, Any], gone: Iterable[MarketRules]) -> dict[str, Any]:
    """ccxt's attributes of an exchange's markets, with those of ``gone`` beside them."""
    markets, by_id = dict(attributes["markets"]), dict(attributes["markets_by_id"])
    for rules in gone:
        if rules.market_id is not None and rules.symbol not in markets:
            market = _market(rules, rules.market_id)
            markets[rules.symbol] = market
            by_id[rules.market_id] = [*by_id.get(rules.market_id, ()), market]
    return {**attributes, "markets": markets, "markets_by_id": by_id}


def _market(rules: MarketRules, market_id: str) -> dict[str, Any]:
    is_contract, is_linear = rules.kind is not MarketKind.SPOT, rules.kind is MarketKind.LINEAR
    # A dated contract has its day behind a dash: BTC/USDT:USDT-260327.
    kind = "spot" if not is_contract else "future" if "-" in rules.symbol else "swap"
    numbers = {"amount": rules.amount_step, "price": rules.price_step}
    return {
        "id": market_id,
        "symbol": rules.symbol,
        "base": rules.base,
        "quote": rules.quote,
        "settle": rules.settle,
        "baseId": rules.base,
        "quoteId": rules.quote,
        "settleId": rules.settle,
        "type": kind,
        **{word: word == kind for word in ("spot", "swap", "future")},
        "margin": False,
        "option": False,
        "contract": is_contract,
        "linear": is_linear if is_contract else None,
        "inverse": not is_linear if is_contract else None,
        "subType": ("linear" if is_linear else "inverse") if is_contract else None,
        "contractSize": str(rules.contract_size) if is_contract else None,
        "active": False,
        "gone": True,
        "precision": {name: None if step is None else str(step) for name, step in numbers.items()},
        "limits": {name: {} for name in ("amount", "price", "cost", "market", "leverage")},
        "info": {},
    }
