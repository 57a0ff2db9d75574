"""Which strategy is a magic, and which magic a strategy?

0 is no strategy; N the lowest strategy of the account with the client's number N, made if there is
none. A key that is restricted to strategies has none without one: to it, 0 is the lowest that has
no number, or its only one.
"""

from typing import Any

from ccxt.base.errors import BaseError

from ccxt_driver.errors import code_of
from ccxt_driver.mt5 import constants as c
from ccxt_driver.mt5.failures import Refused
from ccxt_driver.mt5.terminal import TERMINAL

LARGEST = 2**63 - 1
_NUMBERS = "client's numbers of strategies"
_ENDED = "strategies that trade no more"
_UNSEEN = "strategies that the key does not see"


def magic_of(strategy_id: int) -> int:
    """The client's number of a strategy; 0 where it has none."""
    if not strategy_id:
        return 0
    numbers, unseen = TERMINAL.memory.get(_NUMBERS, {}), TERMINAL.memory.setdefault(_UNSEEN, set())
    if strategy_id not in numbers and strategy_id not in unseen:
        _learn()
        numbers = TERMINAL.memory[_NUMBERS]
        if strategy_id not in numbers:  # Ended, or another's: not to be asked for at every row.
            unseen.add(strategy_id)
    return numbers.get(strategy_id) or 0


def strategy_of(magic: int) -> int:
    """The strategy that a request is for.

    Raises:
        Refused: there is none of that number and none can be made.
    """
    if magic > LARGEST:
        raise Refused(c.TRADE_RETCODE_INVALID, f"magic {magic} is above {LARGEST}")
    if not magic:
        return 0 if TERMINAL.account["strategy_ids"] is None else _of_restricted_key()
    found = _lowest(magic)
    if found is None:
        _learn()
        found = _lowest(magic)
    if found is None:
        _make(magic)
        found = _lowest(magic)
    if found is None:
        raise Refused(c.TRADE_RETCODE_INVALID, f"no strategy with the client's number {magic}")
    return found


def _of_restricted_key() -> int:
    found = _lowest(None)
    if found is None:
        _learn()
        found = _lowest(None)
    numbers = TERMINAL.memory[_NUMBERS]
    return found or (next(iter(numbers)) if len(numbers) == 1 else 0)


def _lowest(magic: int | None) -> int | None:
    numbers, ended = TERMINAL.memory.get(_NUMBERS, {}), TERMINAL.memory.get(_ENDED, set())
    fitting = (one for one, number in numbers.items() if number == magic and one not in ended)
    return min(fitting, default=None)


def _learn() -> None:
    numbers, query = {}, {}
    ended: set[int] = set()
    while True:
        page = TERMINAL.ask("GET", "/strategies", query)
        rows = [row for row in page["items"] if TERMINAL.account_id in row["account_ids"]]
        numbers |= {row["strategy_id"]: row["client_strategy_id"] for row in rows}
        ended |= {row["strategy_id"] for row in rows if row["status"] != "active"}
        if page["next_cursor"] is None:
            break
        query = {"cursor": page["next_cursor"]}
    TERMINAL.memory[_NUMBERS], TERMINAL.memory[_ENDED] = numbers, ended


def _make(magic: int) -> None:
    body: dict[str, Any] = {
        "name": f"magic {magic}",
        "account_ids": [TERMINAL.account_id],
        "client_strategy_id": magic,
    }
    try:
        TERMINAL.ask("POST", "/strategies", body=body)
    except BaseError as error:
        if code_of(error) is None:
            raise
        raise Refused(
            c.TRADE_RETCODE_INVALID, f"no strategy with the client's number {magic}: {error}"
        ) from error
    _learn()  # Another program may have made one at the same time: all take the lowest.
