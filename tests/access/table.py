"""What is a line of the table of rights made of? A request, and the status for each kind of caller.

``{names}`` are the ids of ``world.World``; ``restricted`` may touch what belongs to the strategy
``own`` and nothing of ``foreign``.
"""

from dataclasses import dataclass
from typing import Any

from tests.access.world import KINDS


@dataclass(frozen=True)
class Case:
    """One request, and the status for each kind of caller, in the order of ``KINDS``."""

    route: str
    statuses: str
    path: str = ""
    body: Any = None

    @property
    def expected(self) -> dict[str, int]:
        return dict(zip(KINDS, map(int, self.statuses.split()), strict=True))

    @property
    def method(self) -> str:
        return self.route.split()[0]

    @property
    def is_threaded(self) -> bool:
        """Whether it is answered on threads of their own, which see only what is committed."""
        return self.route.startswith(("POST /oms/commands", "POST /ccxt/"))

    @property
    def asked(self) -> str:
        """The address with its parameters."""
        return self.path or self.route.split()[1]

    def __str__(self) -> str:
        command = self.body.get("command", "") if isinstance(self.body, dict) else ""
        return f"{self.route} {command or self.path}".strip()


def case(route: str, statuses: str, path: str = "", body: Any = None) -> Case:
    """A line of the table."""
    return Case(route, statuses, path, body)


def command(name: str, statuses: str, **payload: Any) -> Case:
    """A line for one command."""
    body = {"account_id": "{account}", "command": name, "payload": payload}
    return Case("POST /oms/commands", statuses, "/oms/commands?wait_ms=0", body)


ORDER = {"symbol": "BTC/USDT:USDT", "side": "buy", "order_type": "market", "qty": "1"}
CCXT_ORDER = {"symbol": "NO/PE", "side": "buy", "amount": 1}
VIEW = {"page": "positions", "name": "a", "query": "symbol=BTC/USDT"}
DAYS = "account_ids={account}&start_date=2026-01-01"

#        none other read trade restricted risk readonly admin revoked expired
OPEN = "200  200   200  200   200        200  200      200   200     200"
ANY = "401  200   200  200   200        200  200      200   401     401"
READ = "401  404   200  200   200        200  200      404   401     401"
HIDDEN = "401  404   200  200   404        200  200      404   401     401"
TRADE = "401  404   403  202   202        403  403      403   401     401"
ALIEN = "401  404   403  202   403        403  403      403   401     401"
CLOSE = "401  404   403  202   202        202  403      403   401     401"
DONE = "401  404   403  200   200        200  403      403   401     401"
RISK = "401  404   403  403   403        200  403      404   401     401"
NOBODYS = "401 404  404  404   404        404  404      404   401     401"
ADMIN = "401  403   403  403   403        403  403      200   401     401"
MADE = "401  403   403  403   403        403  403      201   401     401"
