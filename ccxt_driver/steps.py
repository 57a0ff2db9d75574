"""Which single steps are plans made of?

Steps are data: whoever carries a plan out does them. Plans here are parts of other plans.
"""

import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ccxt.base.errors import NetworkError, RequestTimeout

from ccxt_driver import shapes
from ccxt_driver.errors import IN_DOUBT, SAID_FIRST, code_of, never_left

PAGE = 500
ASK_AGAIN_S = 0.5
PATIENCE_MS = 30_000

Params = Mapping[str, Any]
Row = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One HTTP request to the OMS."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None


@dataclass(frozen=True)
class Pause:
    """Wait before going on."""

    seconds: float


@dataclass(frozen=True)
class Markets:
    """Have the markets loaded; costs nothing once they are."""


Step = Call | Pause | Markets
Plan = Generator[Step, Any, Any]


class InDoubt(RequestTimeout):
    """A command may have arrived, and nobody could be asked in time."""


def command(self, name: str, payload: Row, params: Params) -> Row:
    """A command of the OMS, with a request id of its own."""
    return {
        "account_id": self.oms.account_id,
        "command": name,
        "request_id": request_id(params),
        "payload": payload,
    }


def request_id(params: Params) -> str:
    """The caller's, else a new one."""
    return str(params.get("request_id") or uuid.uuid4().hex)


def given(self, commands: list[Row]) -> Plan:
    """Give commands; the same ones again while nobody answered, which sends nothing twice.

    Raises:
        InDoubt: they may have arrived, and ``options.patience`` ms were not enough to hear so.
    """
    body = commands[0] if len(commands) == 1 else commands
    # The OMS answers before the bot's own time is over.
    wait_ms = max(min(10_000, int(self.timeout) - 2000), 500)
    call = Call("POST", "/oms/commands", {"wait_ms": wait_ms}, body)
    return (yield from insisted(self, call))["results"]


def insisted(self, call: Call) -> Plan:
    """The answer to something that may be asked any number of times and is done once.

    Raises:
        InDoubt: see ``given``.
    """
    deadline = self.milliseconds() + int(self.options.get("patience", PATIENCE_MS))
    in_doubt = False
    while True:
        try:
            return (yield call)
        except Exception as error:
            code = code_of(error)
            unheard = code in IN_DOUBT or (code is None and isinstance(error, NetworkError))
            if not (unheard or (in_doubt and code in SAID_FIRST)):
                raise
            in_doubt |= unheard and not never_left(error)
            if self.milliseconds() >= deadline:
                if in_doubt:
                    raise InDoubt from error
                raise
        yield Pause(ASK_AGAIN_S)


def called(self, name: str, args: list[Any], kwargs: Params) -> Plan:
    """The result of a method below ``/ccxt``, with numbers as ccxt has them."""
    body = {"args": args, "kwargs": dict(kwargs)}
    answer = yield Call("POST", address(self, name), body=body)
    found = shapes.structure(self, answer["result"])
    if "responseHeaders" in answer and isinstance(found, dict):  # Asked for by an option of ccxt.
        found["info"] = {**(found.get("info") or {}), "responseHeaders": answer["responseHeaders"]}
    return found


def address(self, name: str) -> str:
    """Where the OMS answers that method for the account."""
    return f"/ccxt/{self.oms.account_id}/{name}"


def listed(self, path, time, symbol, since, limit, params, *, wanted=None, **more) -> Plan:
    """Rows of one list, newest first: as many as ``limit`` asks for, or all since ``since``.

    ``more`` are further filters of the list.
    """
    query: Row = {"account_ids": self.oms.account_id, **more}
    strategy_id = params.get("strategy_id", self.oms.strategy_id)
    if strategy_id is not None:
        query["strategy_id"] = strategy_id
    if symbol is not None:
        query["symbol"] = self.market(symbol)["symbol"]
    has_days = not path.endswith("/open")
    if since is not None and has_days:
        query["start_date"] = _day(since)
    until = params.get("until")
    if until is not None and has_days:
        query["end_date"] = _day(until)
    enough = None if since is not None or not has_days else limit or PAGE
    found: list[Row] = []
    while True:
        page = yield Call("GET", f"/oms/{path}", query | {"limit": PAGE})
        rows = [row for row in page["items"] if wanted is None or wanted(row)]
        found += [row for row in rows if until is None or _ms(self, row[time]) <= until]
        if page["next_cursor"] is None or (enough is not None and len(found) >= enough):
            return found
        query["cursor"] = page["next_cursor"]


def _day(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d")


def _ms(self, text: str) -> int:
    return self.parse8601(text) or 0
