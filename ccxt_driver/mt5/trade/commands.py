"""What becomes of a command, also when its answer is lost?

Every trade request is one command with a request id of its own. While nobody answers, or the
exchange has not said yet, it is asked for again by that id, which sends nothing twice, until it is
known or the time given to ``initialize`` is up.
"""

import uuid
from dataclasses import dataclass, field

from ccxt.base.errors import BaseError

from ccxt_driver import steps
from ccxt_driver.errors import IN_DOUBT, SAID_FIRST, code_of, never_left
from ccxt_driver.mt5 import constants as c
from ccxt_driver.mt5.failures import Refused
from ccxt_driver.mt5.rows import OURS
from ccxt_driver.mt5.terminal import TERMINAL, Row
from ccxt_driver.mt5.trade.retcodes import of_error, of_problem
from ccxt_driver.steps import Plan

_OPEN = ("accepted", "unknown")
UNAUTHORIZED = 401
_NAMED = ("send_order", "close_position")


@dataclass
class Answered:
    """``result`` is None where nobody could be asked in time whether it arrived."""

    result: Row | None
    payload: Row = field(default_factory=dict)

    @property
    def order(self) -> Row | None:
        return self.result["order"] if self.result else None


def give(name: str, payload: Row) -> Answered:
    """Give a command and wait for what becomes of it.

    Raises:
        Refused: the OMS, or through it the exchange, said no.
        BaseError: it never left, or the key is not good.
    """
    request_id = OURS + uuid.uuid4().hex
    if name in _NAMED:
        payload = payload | {"client_order_id": request_id}
    command = {"account_id": TERMINAL.account_id, "command": name,
               "request_id": request_id, "payload": payload}  # fmt: skip
    trying = _Trying()
    try:
        return Answered(TERMINAL.oms.oms_do(trying.until_known(command)), payload)
    except BaseError as error:
        if trying.is_in_doubt(error):
            return Answered(trying.result, payload)
        if code_of(error) is None or getattr(error, "oms_status", None) == UNAUTHORIZED:
            raise
        said = of_error(error, payload)
        raise Refused(said.retcode, said.comment, said.external) from error


def check(name: str, payload: Row) -> Row | None:
    """What would come of a command: its effect, or None.

    Raises:
        Refused: the OMS would refuse it.
    """
    body = {"account_id": TERMINAL.account_id, "command": name, "payload": payload}
    try:
        answer = TERMINAL.ask("POST", "/oms/commands", {"check": "true"}, body)
    except BaseError as error:
        if code_of(error) is None or getattr(error, "oms_status", None) == UNAUTHORIZED:
            raise
        said = of_error(error, payload)
        raise Refused(said.retcode, said.comment, said.external) from error
    result = answer["results"][0]
    if not result["ok"]:
        said = of_problem(result["error"], payload)
        raise Refused(said.retcode, said.comment, said.external)
    return result["effect"]


def newest_deal(**of: int) -> int:
    """The ticket of the newest deal of an order or a position; 0 where it cannot be told.

    The request has been carried out by then: that its deal cannot be read changes nothing of it.
    """
    query = {"account_ids": TERMINAL.account_id, **of, "limit": 1}
    try:
        found = TERMINAL.ask("GET", "/oms/deals", query)["items"]
    except BaseError:
        return 0
    return found[0]["id"] if found else 0


class _Trying:
    """Ask until it is known. ``result``: the last one that was heard, if any."""

    def __init__(self) -> None:
        self.result: Row | None = None

    def until_known(self, command: Row) -> Plan:
        oms = TERMINAL.oms
        deadline = oms.milliseconds() + int(oms.options["patience"])
        while True:
            (self.result,) = yield from steps.given(oms, [command])
            if self.result["status"] not in _OPEN or oms.milliseconds() >= deadline:
                return self.result
            yield steps.Pause(steps.ASK_AGAIN_S)

    def is_in_doubt(self, error: BaseError) -> bool:
        """Whether the command may have been taken, although this is all that was heard."""
        if isinstance(error, steps.InDoubt):
            return True  # Whatever its cause: the last of several tries need not have left.
        code = code_of(error)
        if code is None:
            return self.result is not None or not never_left(error)
        return code in IN_DOUBT or (self.result is not None and code in SAID_FIRST)


NEVER_HEARD = (
    c.TRADE_RETCODE_TIMEOUT,
    "The OMS did not answer in time; look at orders and positions before sending again.",
)
