"""Which markets has an exchange, and what else does its list of them tell?

Loading reads thousands of markets, which is a second of computing: ``gateway.sessions`` has it done
beside the loop that carries orders, and shares the result.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from accounts.credentials import ExchangeLogin
from gateway import capabilities, pacing
from gateway.instance import build
from gateway.markets import Profile
from gateway.normalize import Unreadable, market_rules
from gateway.outcomes import NoSession
from gateway.session import Session
from gateway.words import Ask
from positions.ports import MarketRules

log = logging.getLogger(__name__)

_MARKET_ATTRIBUTES = (
    "markets",
    "markets_by_id",
    "symbols",
    "ids",
    "currencies",
    "currencies_by_id",
    "baseCurrencies",
    "quoteCurrencies",
    "codes",
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """One exchange's markets, parsed once and shared by all its sessions in this process."""

    attributes: Mapping[str, Any]
    options: Mapping[str, Any]
    rules: tuple[MarketRules, ...]
    limits: tuple[pacing.Limit, ...] = ()
    loaded_at_s: float = field(default_factory=monotonic)


async def load(profile: Profile, login: ExchangeLogin | None) -> Loaded:
    """Load the markets with an instance of their own, on a loop of their own.

    Raises:
        CallFailed: the exchange did not list them; ``NoSession`` where it cannot be asked.
    """
    exchange = build(profile, login)
    exchange.enableLastJsonResponse = True  # Binance's limits stand in the answer, not in a market.
    try:
        await Session(profile, exchange).call(Ask.READ, "load_markets", {"reload": True}, {})
        attributes = {name: getattr(exchange, name) for name in _MARKET_ATTRIBUTES}
        rules = tuple(_all_rules(exchange))
        if not rules:
            # An empty list is an answer that went wrong, not an exchange that closed everything.
            raise NoSession("The exchange listed no markets.", exception="NullResponse")
        # What else fetch_markets left behind (kraken finds markets by altname through it).
        names = exchange.options.get("marketHelperProps") or ()
        left = {name: exchange.options[name] for name in names if name in exchange.options}
        return Loaded(attributes, left, rules, pacing.told_by(exchange.last_json_response))
    finally:
        await exchange.close()


def _all_rules(exchange: Any) -> list[MarketRules]:
    rules, faults = [], 0
    for market in exchange.markets.values():
        try:
            known = market_rules(
                market,
                precision_mode=exchange.precisionMode,
                order_types=capabilities.order_types(exchange, market),
                times_in_force=capabilities.times_in_force(exchange, market),
                trailing_by=capabilities.trailing_by(exchange, market),
                exchange_id=exchange.id,
            )
        except Unreadable:
            faults += 1
            continue
        if known is not None:
            rules.append(known)
    if faults:
        log.warning("markets without readable rules", extra={"count": faults})
    return rules
