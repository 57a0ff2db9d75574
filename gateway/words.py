"""Which words does the gateway use for what it asks and what comes back?

Standard library only, so that every module may import it.
"""

from enum import StrEnum


class Ask(StrEnum):
    """What a call wants. Only a read may be repeated without thinking."""

    CREATE = "create"
    CANCEL = "cancel"
    EDIT = "edit"
    READ = "read"


class Verdict(StrEnum):
    """What is proven about a call that brought no order back.

    ``refused``, ``throttled`` and ``not_sent``: nothing was executed, this is proven.
    ``adopt``: our order (or our change) is already there, look it up.
    ``not_found``: the exchange says it knows no such order; for a while that proves nothing.
    ``unanswered``: everything else. It may have been executed.
    """

    REFUSED = "refused"
    THROTTLED = "throttled"
    NOT_SENT = "not_sent"
    ADOPT = "adopt"
    NOT_FOUND = "not_found"
    UNANSWERED = "unanswered"


class ExchangePositionMode(StrEnum):
    """Whether an exchange account keeps long and short apart.

    ``untold``: the exchange has no such question, so its accounts are taken as one-way.
    """

    ONE_WAY = "one_way"
    TWO_WAY = "two_way"
    UNTOLD = "untold"


class ImportKind(StrEnum):
    """Which of an exchange's lists is brought in."""

    TRADES = "trades"
    FUNDING = "funding"


class Sense(StrEnum):
    """With what an account's exchange is watched.

    ``orders``: the open orders of a symbol. ``history``: trades and orders of a symbol that are
    brought in. ``stream``: the private streams. ``session``: anything at all.
    """

    ORDERS = "orders"
    HISTORY = "history"
    STREAM = "stream"
    SESSION = "session"


class Scope(StrEnum):
    """How far a reconciliation looks back: one of the account's three loops, or named days."""

    SHORT = "short"
    HOURLY = "hourly"
    LONG = "long"
    PERIOD = "period"


class RunState(StrEnum):
    """``pending`` → ``running`` → ``succeeded`` or ``failed``."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Phase(StrEnum):
    """What a reconciliation is busy with."""

    ORDERS = "orders"
    TRADES = "trades"
    COMPARING = "comparing"
