"""What is a client told when a call of its own to an exchange failed?

A stable code with ccxt's class and the exchange's number in ``details``, never a text of theirs.
"""

import math

from gateway.pacing import TooFast
from gateway.sessions.outcomes import CallFailed, NotFound, NotSent, Refused, Throttled
from oms_project.errors import (
    EngineUnavailable,
    ExchangeError,
    ExchangeTimeout,
    Invalid,
    OmsError,
    OrderNotFound,
    OrderRejected,
    RateLimited,
)

# Refusals that are about what was asked. The others are the exchange's trouble with the account: it
# answered, with an error.
_ABOUT_THE_CALL = frozenset(
    {
        "ArgumentsRequired",
        "BadRequest",
        "BadSymbol",
        "NotSupported",  # By this kind of market; what ``has`` denies never gets here.
        # ccxt computed with what it was given.
        "ArithmeticError",
        "InvalidOperation",
        "KeyError",
        "TypeError",
        "ValueError",
    }
)
_TIMED_OUT = ("RequestTimeout", "TimeoutError")


def told(failure: CallFailed, *, acting: bool) -> OmsError:
    """The error to answer with; ``acting``: the call was to change something at the exchange."""
    facts = failure.details
    if isinstance(failure, OmsError):
        return EngineUnavailable(failure.message, **facts)
    match failure:
        case Throttled() if failure.exception == TooFast.__name__:
            return RateLimited(
                "What the exchange allows is used up; it was not asked.", **facts | _pause(failure)
            )
        case NotFound():
            return OrderNotFound("The exchange shows no such order.", **facts)
        case Refused() if acting and failure.exchange_code is not None:
            return OrderRejected("The exchange refused this.", **facts)
        case Refused() if failure.exception in _ABOUT_THE_CALL:
            field = "symbol" if failure.exception == "BadSymbol" else ""
            return Invalid("The exchange does not take this call.", field=field, **facts)
        case Refused() if acting:
            return OrderRejected("The exchange refused this.", **facts)
        case _ if failure.exception in _TIMED_OUT and not isinstance(failure, NotSent):
            return ExchangeTimeout(**facts)
        case _:
            return ExchangeError(**facts | _pause(failure))


def _pause(failure: CallFailed) -> dict[str, int]:
    """How long the exchange asked to be left alone, or our own pace does, in whole seconds."""
    wait_s = failure.outcome.retry_after_s
    return {} if wait_s is None else {"retry_after_s": math.ceil(wait_s)}
