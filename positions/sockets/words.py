"""Which words does ``/ws`` use?"""

from enum import IntEnum, StrEnum


class Namespace(StrEnum):
    """What a message is about. ``system`` is the connection itself."""

    POSITION = "position"
    RISK = "risk"
    CCXT = "ccxt"
    SYSTEM = "system"


# Those whose events are in the log, with a seq.
LOGGED = (Namespace.POSITION, Namespace.RISK)


class CloseCode(IntEnum):
    """Why a socket was closed by us; the client is told the same in words just before."""

    NOT_AUTHENTICATED = 4401
    RIGHTS_WITHDRAWN = 4403
    TOO_SLOW = 4408
    TOO_LARGE = 4413
    # RFC 6455's own for what nobody expected.
    BROKEN = 1011
