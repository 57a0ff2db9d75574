"""Faults on demand: which request or event goes wrong, how, how often, by which seed.

A fault names a route (``"POST /api/v3/order"``, ``*`` matches anything) or a stream topic
(``"spot:user:*"``), a kind, a probability, how many times it may strike and a seed, so that a run
can be repeated. ``accept`` says whether the request is carried out before its answer goes wrong.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from itertools import count
from random import Random


class Kind(StrEnum):
    """What goes wrong."""

    REFUSE = "refuse"  # an error body: code, msg and status
    SILENCE = "silence"  # no answer; the connection is cut after ms (default 10 minutes)
    RESET = "reset"  # the connection is reset
    TRUNCATED = "truncated"  # half of the body, then the end
    EMPTY = "empty"  # 200 and no body
    NULL = "null"  # 200 and null
    HTML = "html"  # 200 and a web page
    GATEWAY = "gateway"  # status (502, 503, 504, 524, 403) and a web page
    SLOW = "slow"  # the right answer, ms late
    LATE_ARRIVAL = "late_arrival"  # carried out ms after it came in, then answered
    STORM = "storm"  # 429 with Retry-After
    BAN = "ban"  # 418 with Retry-After
    LOOKUP_LAG = "lookup_lag"  # orders and trades younger than ms are not found
    STREAM_DUPLICATE = "stream_duplicate"
    STREAM_LATE = "stream_late"  # by ms
    STREAM_REORDER = "stream_reorder"  # one event lets the next overtake it
    STREAM_DROP = "stream_drop"  # the event is lost and the connection cut


STREAM_KINDS = frozenset(kind for kind in Kind if kind.startswith("stream_"))
ANSWER_KINDS = frozenset(Kind) - STREAM_KINDS - {Kind.LOOKUP_LAG}
NOT_ACCEPTED = frozenset({Kind.REFUSE, Kind.GATEWAY, Kind.STORM, Kind.BAN})

# Status and text of the codes that a fault may name without saying more.
TEXTS = {
    -1000: (500, "An unknown error occurred while processing the request."),
    -1001: (500, "Internal error; unable to process your request. Please try again."),
    -1003: (429, "Too many requests; please use the websocket for live updates."),
    -1006: (
        500,
        "An unexpected response was received from the message bus. Execution status unknown.",
    ),
    -1007: (
        408,
        (
            "Timeout waiting for response from backend server. Send status unknown; execution"
            " status unknown."
        ),
    ),
    -1008: (
        503,
        "Server is currently overloaded with other requests. Please try again in a few minutes.",
    ),
    -1015: (429, "Too many new orders."),
    -1021: (400, "Timestamp for this request is outside of the recvWindow."),
    -2015: (401, "Invalid API-key, IP, or permissions for action."),
}


@dataclass(slots=True)
class Fault:
    """One fault. ``count`` of ``None`` strikes without end; ``login`` of ``None`` strikes all."""

    kind: Kind
    route: str = "*"
    login: str | None = None
    probability: float = 1.0
    count: int | None = None
    seed: int = 0
    accept: bool | None = None
    ms: int = 0
    status: int | None = None
    code: int = -1000
    msg: str | None = None
    fault_id: int = 0
    struck: int = 0
    _rng: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.kind = Kind(self.kind)
        self._rng = Random(self.seed)
        if self.accept is None:
            self.accept = self.kind not in NOT_ACCEPTED

    def strikes(self, name: str, login: str | None) -> bool:
        """Does it strike here and now? Counts it if so."""
        if self.count is not None and self.struck >= self.count:
            return False
        if not fnmatchcase(name, self.route) or self.login not in (None, login):
            return False
        if self._rng.random() >= self.probability:
            return False
        self.struck += 1
        return True

    def error(self) -> tuple[int, dict]:
        """HTTP status and body of a refusal."""
        status, msg = TEXTS.get(self.code, (400, "Unknown error."))
        return self.status or status, {"code": self.code, "msg": self.msg or msg}

    def told(self) -> dict:
        """The fault as the control port shows it."""
        names = [name for name in self.__slots__ if not name.startswith("_")]
        return {name: getattr(self, name) for name in names}


class Faults:
    """The faults in force, in the order in which they were added; the first that strikes wins."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._ids = count(1)

    def __iter__(self):
        return iter(self._faults.values())

    def add(self, fault: Fault) -> Fault:
        fault.fault_id = next(self._ids)
        self._faults[fault.fault_id] = fault
        return fault

    def clear(self, fault_id: int | None = None) -> None:
        """Remove one fault, or all."""
        if fault_id is None:
            self._faults.clear()
        else:
            self._faults.pop(fault_id, None)

    def on_request(self, route: str, login: str | None) -> Fault | None:
        """The fault that strikes the answer of this request."""
        return self._first(ANSWER_KINDS, route, login)

    def on_stream(self, topic: str) -> Fault | None:
        """The fault that strikes this event."""
        return self._first(STREAM_KINDS, topic, None) if self._faults else None

    def lag_ms(self, route: str, login: str | None) -> int:
        """How old something must be for this look-up to find it."""
        fault = self._first(frozenset({Kind.LOOKUP_LAG}), route, login)
        return fault.ms if fault else 0

    def _first(self, kinds: frozenset[Kind], name: str, login: str | None) -> Fault | None:
        for fault in self._faults.values():
            if fault.kind in kinds and fault.strikes(name, login):
                return fault
        return None
