"""The calls that begin and end a connection."""

from typing import Any

from ccxt_driver.mt5 import settings
from ccxt_driver.mt5.arguments import whole, words
from ccxt_driver.mt5.failures import invalid
from ccxt_driver.mt5.terminal import TERMINAL, TIMEOUT_MS, answers


@answers(otherwise=False, connected=False)
def initialize(
    path: Any = None, *, login: Any = None, password: Any = None, server: Any = None,
    timeout: Any = TIMEOUT_MS, portable: Any = False,
) -> bool:  # fmt: skip
    """Connect to the OMS; the path of a terminal is not needed and ignored.

    ``timeout`` (ms): how long an unanswered question is asked again, here and later.
    """
    if path is not None:
        words(path, "path")
    _connect(login, password, server, timeout, keeps=False)
    return True


@answers(otherwise=False, connected=False)
def login(login: Any, password: Any = None, server: Any = None, timeout: Any = None) -> bool:
    """Go over to another account; what is not given stays."""
    _connect(login, password, server, timeout, keeps=True)
    return True


@answers(connected=False)
def shutdown() -> None:
    """End the connection."""
    TERMINAL.disconnect()


def last_error() -> tuple[int, str]:
    """How the last call went."""
    return TERMINAL.error


def _connect(login: Any, password: Any, server: Any, timeout: Any, *, keeps: bool) -> None:
    before = TERMINAL.login if keeps else None
    wanted = settings.read(
        None if login is None else whole(login, "login"),
        None if password is None else words(password, "password"),
        None if server is None else words(server, "server"),
        before,
    )
    patience = TIMEOUT_MS if timeout is None else whole(timeout, "timeout")
    if patience < 0:
        raise invalid("timeout")
    TERMINAL.connect(wanted, patience)
