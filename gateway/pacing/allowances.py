"""What does an exchange permit?

Where it tells its limits in its list of markets (``gateway.exchanges.limits``), those are kept.
Everywhere else ccxt's own numbers are: ``rateLimit``, ``rollingWindowSize`` and the cost that it
gives every endpoint.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.exchanges.capabilities import facts
from gateway.exchanges.limits import ORDERS, WEIGHT, Limit
from gateway.exchanges.profile import Profile
from gateway.pacing.counts import Allowance, Style

OURS = 0.95  # Of a told limit; the rest is for clocks that differ and for a person's own browser.


@dataclass(frozen=True, slots=True)
class Budget:
    """Which part of an allowance what the OMS asks by itself may take.

    ``evenly``: in the long run; what of it was not used for ``at_once_s`` seconds may be taken at
    once, but of no window more than ``at_most``. ``of_login``: of what counts for one login alone
    it may be more, since nobody shares it.
    """

    name: str
    evenly: float
    at_once_s: float
    of_login: float
    at_most: float | None = None

    def of(self, allowance: Allowance) -> list[Allowance]:
        """What has to have room, too."""
        key = f"{allowance.key}:{self.name}"
        if allowance.style is Style.BUCKET:
            period_s = allowance.period_s / self.of_login
            return [Allowance(f"{key}:{self.of_login}", Style.BUCKET, allowance.most, period_s)]
        for_s = min(self.at_once_s, allowance.period_s)
        most = allowance.most * self.evenly * for_s / allowance.period_s
        found = [Allowance(key, Style.BUCKET, most, for_s)]
        if self.at_most is not None:
            most = allowance.most * self.at_most
            found.append(Allowance(f"{key}:window", Style.WINDOW, most, allowance.period_s))
        return found


# By the name of the rank. Reconciliation may take much at once, so that an account alone does not
# wait, and then evenly, so that of many the round that began first ends first.
_COMPARING = Budget("comparing", evenly=0.12, at_once_s=50.0, of_login=0.4, at_most=0.16)
BUDGETS = {
    "POLLING": Budget("polling", evenly=0.28, at_once_s=3.0, of_login=0.5),
    "COMPARING": _COMPARING,
    "CATCHING_UP": replace(_COMPARING, of_login=1.0),
}


@dataclass(frozen=True, slots=True)
class Pace:
    """What one session has to keep to.

    ``requests`` count every call, by ``weight_per_cost`` for each unit of ccxt's cost; ``orders``
    count each order or change as one. ``order_weight``: what such a call weighs among the requests,
    ``None``: what ccxt says.
    """

    requests: tuple[Allowance, ...]
    orders: tuple[Allowance, ...] = ()
    weight_per_cost: float = 1.0
    order_weight: float | None = None

    def needs(self, cost: float, *, is_order: bool) -> list[tuple[Allowance, float]]:
        """What a call of this cost takes from each allowance."""
        weight = cost * self.weight_per_cost
        if is_order and self.order_weight is not None:
            weight = self.order_weight
        needed = [(allowance, weight) for allowance in self.requests]
        if is_order:
            needed += [(allowance, 1.0) for allowance in self.orders]
        return needed

    def budget(self, name: str, cost: float) -> list[tuple[Allowance, float]]:
        """What a call of this cost takes from the budget of those who go at that rank: so much of
        each allowance of requests.
        """
        weight = cost * self.weight_per_cost
        budget = BUDGETS[name]
        return [(each, weight) for allowance in self.requests for each in budget.of(allowance)]

    def over(self, code: str | None, order_limit_codes: tuple[str, ...]) -> tuple[Allowance, ...]:
        """Which allowances a "too fast" is about."""
        return self.orders if self.orders and code in order_limit_codes else self.requests

    def used(self, headers: Mapping[str, str]) -> list[tuple[Allowance, float]]:
        """What the exchange itself has counted, as far as an answer tells it."""
        told = {name.upper(): value for name, value in headers.items()}
        return [
            (allowance, float(told[allowance.header]))
            for allowance in (*self.requests, *self.orders)
            if allowance.header and told.get(allowance.header, "").isdigit()
        ]


def pace_of(exchange: Any, profile: Profile, told: tuple[Limit, ...] = ()) -> Pace:
    """What a ccxt instance of this profile has to keep to.

    ``told`` are the limits in its list of markets, once that is loaded.
    """
    known = facts(profile.exchange_id)
    login = _mark(exchange.apiKey)
    if not told:
        return Pace((_by_ccxt(exchange, f"{profile.key}:{login}"),))
    return Pace(
        requests=tuple(_window(each, f"{profile.key}:address") for each in told
                       if each.kind == WEIGHT),
        orders=tuple(_window(each, f"{profile.key}:{login}") for each in told
                     if each.kind == ORDERS),
        weight_per_cost=known.weight_per_cost,
        order_weight=known.order_weight,
    )  # fmt: skip


def _window(limit: Limit, who: str) -> Allowance:
    return Allowance(
        key=f"{who}:{limit.header}",
        style=Style.WINDOW,
        most=limit.most * OURS,
        period_s=limit.window_s,
        header=limit.header,
    )


def _by_ccxt(exchange: Any, key: str) -> Allowance:
    """ccxt's leaky bucket of one unit, or half of its rolling window.

    Half, because a bucket may be emptied at once and fills meanwhile: so no window sees more than
    is allowed. ``rateLimit`` is milliseconds a unit of cost.
    """
    unit_s = max(exchange.rateLimit, 0) / 1000
    window_s = float(exchange.rollingWindowSize or 0) / 1000
    if not unit_s or not window_s or exchange.rateLimiterAlgorithm == "leakyBucket":
        return Allowance(key=key, style=Style.BUCKET, most=1.0, period_s=unit_s)
    half = window_s / unit_s / 2
    return Allowance(key=key, style=Style.BUCKET, most=half, period_s=window_s)


def _mark(api_key: str | None) -> str:
    """A name for a login that does not show it."""
    return hashlib.sha256((api_key or "").encode()).hexdigest()[:16] if api_key else "nobody"
