"""An exchange call failed: what is proven?

The first table says what each of ccxt's exception classes would mean. ``classify`` accepts that
only with proof: nothing left (``Wire.sent``), or the error was raised from the exchange's own
answer (``Wire.judged``), has no transport error as its cause, and its HTTP status is not one behind
which an order may have been executed (5xx, 408, 409). The exchange's own codes
(``exchanges.facts.Facts.codes``) are stronger than ccxt's classes. Everything doubtful is
``unanswered``: ask later, never send again.

The exceptions carry class names and codes only. ccxt's texts can hold the signed query.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from gateway.exchanges.capabilities import facts
from gateway.exchanges.filters import broken_filter
from gateway.pacing import TooFast
from gateway.sessions.wire import Wire
from gateway.words import Ask, Verdict
from oms_project.errors import EngineUnavailable
from positions.engine.types import MarketFilter

_REFUSED, _THROTTLED, _ADOPT = Verdict.REFUSED, Verdict.THROTTLED, Verdict.ADOPT
_NOT_FOUND, _UNANSWERED = Verdict.NOT_FOUND, Verdict.UNANSWERED

# By class name, so that ccxt need not be imported; a class that is not here counts as its nearest
# listed base.
MEANING: Mapping[str, Verdict] = {
    "BaseError": _UNANSWERED,
    "ExchangeError": _UNANSWERED,  # Truncated body, bad gzip, redirect loop, unmapped code.
    "ArgumentsRequired": _REFUSED,
    "AuthenticationError": _REFUSED,
    "AccountSuspended": _REFUSED,
    "PermissionDenied": _REFUSED,
    "AccountNotEnabled": _REFUSED,
    "BadRequest": _REFUSED,
    "BadSymbol": _REFUSED,
    "ExchangeClosedByUser": _UNANSWERED,
    "InsufficientFunds": _REFUSED,
    "InvalidAddress": _REFUSED,
    "AddressPending": _REFUSED,
    "InvalidOrder": _REFUSED,
    "ContractUnavailable": _REFUSED,
    "DuplicateOrderId": _ADOPT,
    "OrderImmediatelyFillable": _REFUSED,
    "OrderNotCached": _UNANSWERED,
    "OrderNotFillable": _REFUSED,
    "OrderNotFound": _NOT_FOUND,
    "InvalidProxySettings": _REFUSED,
    "NotSupported": _REFUSED,
    "OperationRejected": _REFUSED,
    "ManualInteractionNeeded": _REFUSED,
    "MarketClosed": _REFUSED,
    "NoChange": _REFUSED,
    "MarginModeAlreadySet": _REFUSED,
    "RestrictedLocation": _REFUSED,
    "OperationFailed": _UNANSWERED,
    "BadResponse": _UNANSWERED,
    "NullResponse": _UNANSWERED,
    "CancelPending": _UNANSWERED,
    "NetworkError": _UNANSWERED,
    "DDoSProtection": _THROTTLED,
    "ExchangeNotAvailable": _UNANSWERED,
    "OnMaintenance": _UNANSWERED,
    "InvalidNonce": _THROTTLED,
    "ChecksumError": _UNANSWERED,
    "RateLimitExceeded": _THROTTLED,
    "RequestTimeout": _UNANSWERED,
    "UnsubscribeError": _UNANSWERED,
}

# Raised while building a request from what we gave: the same call would fail the same way again.
_OUR_MISTAKES = (
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    AssertionError,
)
# What ccxt raises for codes that it has no class for.
_GENERAL = ("ExchangeError", "OperationFailed")
TOO_MANY = (418, 429)
_MAY_HAVE_RUN = (408, 409)
_SERVER_ERRORS = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is proven, and the facts that may be shown.

    ``filter``: the rule of the market that the refusal speaks of.
    """

    verdict: Verdict
    exception: str
    exchange_code: str | None = None
    retry_after_s: float | None = None
    resync: bool = False
    filter: MarketFilter | None = None

    def error(self) -> "CallFailed":
        """The exception that says so."""
        return _RAISED[self.verdict](self)


class CallFailed(Exception):
    """A call brought no order back. Its text holds ccxt's class and the exchange's code only."""

    code: ClassVar[str] = "exchange_error"

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(f"{outcome.verdict}: {outcome.exception} {outcome.exchange_code or ''}")

    @property
    def exception(self) -> str:
        """The ccxt class."""
        return self.outcome.exception

    @property
    def exchange_code(self) -> str | None:
        """The exchange's own number, where it gave one."""
        return self.outcome.exchange_code

    @property
    def details(self) -> dict[str, str | None]:
        """What a client may be told."""
        told = {"exception": self.exception, "exchange_code": self.exchange_code}
        return told | ({"filter": str(self.outcome.filter)} if self.outcome.filter else {})


class Refused(CallFailed):
    """Proven: the exchange said no, or ccxt could not even build the request."""

    code = "order_rejected"


class Throttled(CallFailed):
    """Proven: not executed, too fast or at the wrong time. May be sent again, after a look-up."""

    @property
    def retry_after_s(self) -> float | None:
        """How long the exchange asked us to stay away; ``None``: it did not say."""
        return self.outcome.retry_after_s

    @property
    def resync(self) -> bool:
        """The clock was the reason; the session measures it before its next call."""
        return self.outcome.resync


class NotSent(CallFailed):
    """Proven: nothing left this machine."""


class NoSession(NotSent, EngineUnavailable):
    """There is no way to the exchange now, so nothing was sent.

    To a client it is ``engine_unavailable``, to whoever sends it is ``NotSent``.
    """

    code = EngineUnavailable.code
    details: dict[str, Any] = {}  # Set per instance by OmsError; hides the property.

    def __init__(self, message: str, /, **facts: Any) -> None:
        EngineUnavailable.__init__(self, message, **facts)
        self.outcome = Outcome(Verdict.NOT_SENT, exception=str(facts.get("exception", "NoSession")))


class Adopt(CallFailed):
    """Our order, or our change, is already there: look it up by its client order id."""


class NotFound(CallFailed):
    """The exchange says it has no such order. Look-ups lag: for a while that is no proof."""


class Unanswered(CallFailed):
    """Nothing is proven; it may have been executed. Never send it again, find out."""

    code = "exchange_timeout"


_RAISED: Mapping[Verdict, type[CallFailed]] = {
    Verdict.REFUSED: Refused,
    Verdict.THROTTLED: Throttled,
    Verdict.NOT_SENT: NotSent,
    Verdict.ADOPT: Adopt,
    Verdict.NOT_FOUND: NotFound,
    Verdict.UNANSWERED: Unanswered,
}


def classify(error: BaseException, wire: Wire) -> Outcome:
    """What ``error`` proves about the call whose traces are in ``wire``."""
    if isinstance(error, TooFast) and not wire.sent:
        return Outcome(_THROTTLED, type(error).__name__, retry_after_s=error.retry_after_s)
    name, meaning = _meaning(error)
    verdict = _proven(error, wire, meaning) if wire.sent else _before_sending(error, wire, meaning)
    return Outcome(
        verdict,
        exception=name,
        exchange_code=wire.code,
        retry_after_s=wire.retry_after_s if verdict is _THROTTLED else None,
        resync=verdict is _THROTTLED and _is_about_time(error),
        filter=_filter(name, wire) if verdict is _REFUSED and wire.judged else None,
    )


def _filter(name: str, wire: Wire) -> MarketFilter | None:
    known = facts(wire.exchange_id).filters
    return broken_filter(known, exception=name, code=wire.code, body=wire.body)


def said_nothing(wire: Wire) -> Outcome:
    """The verdict on an answer without content: empty, HTML, ``null``, HTTP 524, a redirect.

    ccxt returns such answers as orders with ``id=None``, as balances of nothing, as empty lists.
    """
    return Outcome(_UNANSWERED, exception="NullResponse", exchange_code=wire.code)


def identified(order: Any, exchange_id: str, wire: Wire | None = None) -> dict[str, Any]:
    """``order``, if it names one.

    Raises:
        Unanswered: it has no id; the answer was empty, HTML, ``null`` or cut.
    """
    if isinstance(order, dict) and order.get("id"):
        return order
    raise said_nothing(wire or Wire(exchange_id=exchange_id)).error()


def _before_sending(error: BaseException, wire: Wire, meaning: Verdict) -> Verdict:
    """Nothing acting left: refused for good, or worth another try."""
    if isinstance(error, _OUR_MISTAKES):
        return _REFUSED
    if meaning in (_REFUSED, _THROTTLED) and error.__cause__ is None:
        return meaning
    if meaning is _NOT_FOUND and wire.judged and wire.ask is not Ask.CREATE:
        return _NOT_FOUND
    return Verdict.NOT_SENT


def _proven(error: BaseException, wire: Wire, meaning: Verdict) -> Verdict:
    if not wire.judged or error.__cause__ is not None:
        return _UNANSWERED

    known = facts(wire.exchange_id)
    if wire.code in known.codes:
        return known.codes[wire.code]
    if type(error).__name__ in _GENERAL and not _may_have_run(wire) and known.refuses(wire.code):
        return _REFUSED
    if any(text in wire.body for text in known.duplicate_texts):
        return _ADOPT
    match meaning:
        case Verdict.THROTTLED:
            its_own_word = known.throttle_is_proof and not _may_have_run(wire)
            proven = wire.status in TOO_MANY or its_own_word
        case Verdict.NOT_FOUND:
            proven = wire.ask is not Ask.CREATE and not _may_have_run(wire)
        case _:
            proven = not _may_have_run(wire)
    return meaning if proven else _UNANSWERED


def _may_have_run(wire: Wire) -> bool:
    status = wire.status or 0
    return status >= _SERVER_ERRORS or status in _MAY_HAVE_RUN


def _meaning(error: BaseException) -> tuple[str, Verdict]:
    """The class to name and its meaning, by the nearest class in the table."""
    for cls in type(error).__mro__:
        if cls.__name__ in MEANING and cls.__module__.startswith("ccxt"):
            return type(error).__name__, MEANING[cls.__name__]
    return type(error).__name__, _UNANSWERED


def _is_about_time(error: BaseException) -> bool:
    return any(cls.__name__ == "InvalidNonce" for cls in type(error).__mro__)
