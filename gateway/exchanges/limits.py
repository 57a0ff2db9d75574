"""Which limits of requests does an exchange tell in its list of markets?

Fixed windows of the clock, the weight of requests counted by address, orders by login; an answer's
header says how much is used. Binance, and who speaks like it.

Source: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

DAY_S = 86_400
_INTERVALS_S = {"SECOND": 1, "MINUTE": 60, "DAY": DAY_S}
WEIGHT, ORDERS = "REQUEST_WEIGHT", "ORDERS"
_HEADERS = {WEIGHT: "X-MBX-USED-WEIGHT", ORDERS: "X-MBX-ORDER-COUNT"}


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` of ``kind`` in each window; ``header`` names what is used in an answer."""

    kind: str
    window_s: int
    most: int
    header: str


def told_by(answer: Any) -> tuple[Limit, ...]:
    """The limits in Binance's ``exchangeInfo``; those of a whole day are left to the exchange."""
    rows = answer.get("rateLimits", ()) if isinstance(answer, dict) else ()
    return tuple(_limits(rows))


def _limits(rows: Iterable[Mapping[str, Any]]) -> Iterable[Limit]:
    for row in rows:
        kind, interval, number = row["rateLimitType"], row["interval"], int(row["intervalNum"])
        window_s = _INTERVALS_S[interval] * number
        if kind in _HEADERS and window_s < DAY_S:
            header = f"{_HEADERS[kind]}-{number}{interval[0]}"
            yield Limit(kind, window_s, int(row["limit"]), header)
