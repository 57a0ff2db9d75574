"""How much a caller may ask: Binance's weight, order and request limits, with 429 and 418.

Source: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits
"""

from collections import defaultdict
from dataclasses import dataclass

from gateway.paper.errors import VenueError

INTERVALS_MS = {"SECOND": 1_000, "MINUTE": 60_000, "DAY": 86_400_000}
BAN_MS = 120_000
PATIENCE = 2  # a caller at this many times a limit is banned


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``limit`` of ``kind`` in any window of ``number`` intervals."""

    kind: str  # REQUEST_WEIGHT and RAW_REQUESTS count by address, ORDERS by login
    interval: str
    number: int
    limit: int

    @property
    def window_ms(self) -> int:
        return INTERVALS_MS[self.interval] * self.number

    @property
    def short(self) -> str:
        """The window as headers name it: ``1M``, ``10S``, ``1D``."""
        return f"{self.number}{self.interval[0]}"

    def told(self) -> dict:
        """The limit as ``exchangeInfo`` tells it."""
        return {
            "rateLimitType": self.kind,
            "interval": self.interval,
            "intervalNum": self.number,
            "limit": self.limit,
        }


class Limiter:
    """Counts what each address and each login used, in fixed windows of the clock."""

    def __init__(self, limits: tuple[Limit, ...], *, header: str = "X-MBX-USED-WEIGHT") -> None:
        self.limits = limits
        self._header = header
        self._used: dict[tuple[Limit, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
        self._banned_until_ms: dict[str, int] = {}

    def told(self) -> list[dict]:
        return [limit.told() for limit in self.limits]

    def charge(
        self, *, address: str, login: str | None, weight: int, orders: int, now_ms: int
    ) -> dict[str, str]:
        """Count one request; gives the headers that tell what is used.

        Raises:
            VenueError: 429 over a limit, 418 for a caller that went on regardless.
        """
        if (until := self._banned_until_ms.get(address, 0)) > now_ms:
            raise _banned(until, now_ms)
        headers: dict[str, str] = {}
        amounts = {"REQUEST_WEIGHT": weight, "RAW_REQUESTS": 1, "ORDERS": orders}
        for limit in self.limits:
            who = (login or address) if limit.kind == "ORDERS" else address
            used = self._use(limit, who, amounts[limit.kind], now_ms)
            if limit.kind == "REQUEST_WEIGHT":
                headers[f"{self._header}-{limit.short}"] = str(used)
            elif limit.kind == "ORDERS" and orders:
                headers[f"X-MBX-ORDER-COUNT-{limit.short}"] = str(used)
            if used > limit.limit and amounts[limit.kind]:
                if limit.kind != "ORDERS" and used > limit.limit * PATIENCE:
                    self._banned_until_ms[address] = now_ms + BAN_MS
                    raise _banned(now_ms + BAN_MS, now_ms)
                raise _too_many(limit, limit.window_ms - now_ms % limit.window_ms, headers)
        return headers

    def _use(self, limit: Limit, who: str, amount: int, now_ms: int) -> int:
        window = now_ms // limit.window_ms
        seen, used = self._used[limit, who]
        used = used + amount if seen == window else amount
        self._used[limit, who] = (window, used)
        return used


def _too_many(limit: Limit, wait_ms: int, headers: dict[str, str]) -> VenueError:
    headers = headers | {"Retry-After": str(-(-wait_ms // 1000))}
    if limit.kind == "ORDERS":
        text = (
            f"Too many new orders; current limit is {limit.limit} orders per"
            f" {limit.number} {limit.interval}."
        )
        return VenueError(-1015, text, status=429, headers=headers)
    text = (
        f"Too much request weight used; current limit is {limit.limit} request weight per"
        f" {limit.number} {limit.interval}. Please use WebSocket Streams for live updates to"
        " avoid polling the API."
    )
    return VenueError(-1003, text, status=429, headers=headers)


def _banned(until_ms: int, now_ms: int) -> VenueError:
    return VenueError(
        -1003,
        f"Way too much request weight used; IP banned until {until_ms}. Please use WebSocket"
        " Streams for live updates to avoid bans.",
        status=418,
        headers={"Retry-After": str(-(-(until_ms - now_ms) // 1000))},
    )
