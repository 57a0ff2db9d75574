"""What does an exchange permit?

Where it tells its limits in its list of markets (Binance), those are kept: fixed windows of the
clock, the weight of requests counted by address, orders by login. Everywhere else ccxt's own
numbers are: ``rateLimit``, ``rollingWindowSize`` and the cost that it gives every endpoint.

Source: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.capabilities import facts
from gateway.markets import Profile
from gateway.pacing.counts import Allowance, Style

OURS = 0.95  # Of a told limit; the rest is for clocks that differ and for a person's own browser.
DAY_S = 86_400
_INTERVALS_S = {"SECOND": 1, "MINUTE": 60, "DAY": DAY_S}
_WEIGHT, _ORDERS = "REQUEST_WEIGHT", "ORDERS"
_HEADERS = {_WEIGHT: "X-MBX-USED-WEIGHT", _ORDERS: "X-MBX-ORDER-COUNT"}


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` of ``kind`` in each window; ``header`` names what is used in an answer."""

    kind: str
    window_s: int
    most: int
    header: str


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


def told_by(answer: Any) -> tuple[Limit, ...]:
    """The limits in Binance's ``exchangeInfo``; those of a whole day are left to the exchange."""
    rows = answer.get("rateLimits", ()) if isinstance(answer, dict) else ()
    return tuple(_limits(rows))


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
                       if each.kind == _WEIGHT),
        orders=tuple(_window(each, f"{profile.key}:{login}") for each in told
                     if each.kind == _ORDERS),
        weight_per_cost=known.weight_per_cost,
        order_weight=known.order_weight,
    )  # fmt: skip


def _limits(rows: Iterable[Mapping[str, Any]]) -> Iterable[Limit]:
    for row in rows:
        kind, interval, number = row["rateLimitType"], row["interval"], int(row["intervalNum"])
        window_s = _INTERVALS_S[interval] * number
        if kind in _HEADERS and window_s < DAY_S:
            header = f"{_HEADERS[kind]}-{number}{interval[0]}"
            yield Limit(kind, window_s, int(row["limit"]), header)


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
