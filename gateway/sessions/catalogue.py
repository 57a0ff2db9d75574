"""Which markets has an exchange, and what else does its list of them tell?

Loading reads thousands of markets, which is a second of computing: ``gateway.sessions.kept`` has it
done beside the loop that carries orders, and shares the result.
"""

import logging
from dataclasses import replace
from typing import Any

from accounts.credentials import ExchangeLogin
from gateway.exchanges import offers, trailing
from gateway.exchanges.limits import told_by
from gateway.exchanges.market_rules import market_rules
from gateway.exchanges.numbers import Unreadable
from gateway.exchanges.profile import Profile
from gateway.sessions.instance import build
from gateway.sessions.loaded import Loaded
from gateway.sessions.outcomes import NoSession
from gateway.sessions.session import Session
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


_UNREADABLE = (Unreadable, LookupError, TypeError, ValueError, ArithmeticError, AttributeError)


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
        return Loaded(attributes, left, rules, told_by(exchange.last_json_response))
    finally:
        await exchange.close()


def _all_rules(exchange: Any) -> list[MarketRules]:
    rules, faults = [], 0
    for market in exchange.markets.values():
        try:
            known = market_rules(
                market,
                precision_mode=exchange.precisionMode,
                order_types=offers.order_types(exchange, market),
                times_in_force=offers.times_in_force(exchange, market),
                trigger_by=offers.trigger_by(exchange, market),
                trailing_by=offers.trailing_by(exchange, market),
                triggers_reduce=offers.triggers_reduce(exchange, market),
                buys_money=offers.buys_money(exchange, market),
                exchange_id=exchange.id,
            )
            if known is not None:
                rules.append(
                    replace(known, market_id=market.get("id"), **trailing.bounds(exchange, market))
                )
        except _UNREADABLE:
            faults += 1  # One market told badly must not cost the others their rules.
    if faults:
        log.warning("markets without readable rules", extra={"count": faults})
    return rules
