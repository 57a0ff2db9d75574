"""What does ``last_error`` say when a call gave nothing?

Numbers and the words before the brackets are the package's; in the brackets stands what the OMS
said.
"""

from ccxt.base.errors import (
    AuthenticationError,
    BadSymbol,
    BaseError,
    NetworkError,
    NotSupported,
    PermissionDenied,
    RequestTimeout,
)

from ccxt_driver.errors import code_of
from ccxt_driver.mt5 import constants as c

SUCCESS = (c.RES_S_OK, "Success")


class Failure(Exception):
    """A call gives nothing; ``code`` and ``text`` are what ``last_error`` tells."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Refused(Exception):
    """A trade request is refused before it leaves, with the package's return code."""

    def __init__(self, retcode: int, comment: str, external: int = 0) -> None:
        super().__init__(comment)
        self.retcode = retcode
        self.comment = comment
        self.external = external


def invalid(field: str) -> Failure:
    """A field of a call cannot be read."""
    return Failure(c.RES_E_INVALID_PARAMS, f'Invalid "{field}" argument')


def not_found(what: str) -> Failure:
    """There is no such thing."""
    return Failure(c.RES_E_NOT_FOUND, f"Terminal: Not found ({what})")


NOT_CONNECTED = (c.RES_E_INTERNAL_FAIL_CONNECT, "No IPC connection")


def failure_of(error: BaseException) -> Failure:
    """What an answer of the OMS, or none, is called."""
    code = code_of(error)
    said = f" ({error})" if code else ""
    if isinstance(error, PermissionDenied):
        return Failure(c.RES_E_FAIL, f"Terminal: Call failed{said}")
    if isinstance(error, AuthenticationError):
        return Failure(c.RES_E_AUTH_FAILED, f"Terminal: Authorization failed{said}")
    if isinstance(error, BadSymbol):
        return Failure(c.RES_E_NOT_FOUND, f"Terminal: Not found{said}")
    if isinstance(error, NotSupported):
        return Failure(c.RES_E_UNSUPPORTED, f"Terminal: Unsupported function{said}")
    if code is None and isinstance(error, RequestTimeout):
        return Failure(c.RES_E_INTERNAL_FAIL_TIMEOUT, "IPC timeout")
    if code is None and isinstance(error, NetworkError):
        return Failure(*NOT_CONNECTED)
    assert isinstance(error, BaseError)
    return Failure(c.RES_E_FAIL, f"Terminal: Call failed{said or f' ({error})'}")
