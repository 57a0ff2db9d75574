"""Do the books say what the exchange says?

Positions of derivatives per symbol, and what is owned per currency. The exchange is asked without
stopping anybody, so a difference may be a fill on its way: it counts only when it is seen again.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway import loop, sessions, truth
from gateway.loop import db
from gateway.outcomes import CallFailed
from gateway.truth import Truth
from oms_project.errors import EngineUnavailable
from positions.engine.drift import Difference, compare_balances, compare_positions
from positions.ledger import balances
from positions.projector.opening import has_opening

LOOKS = 3
PAUSE_S = 1.0


class Answer(StrEnum):
    """How a comparison ended. ``not_asked`` is never ``equal``."""

    EQUAL = "equal"
    DIFFERENT = "different"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison on one account; ``why`` says why it could not be made."""

    account_id: int
    what: str
    answer: Answer
    differences: tuple[Difference, ...] = ()
    why: str = ""


def compare(account_id: int, timeout_s: float | None = None) -> list[Compared]:
    """Compare positions and balances; from any thread but the exchange loop's own.

    Raises:
        AccountNotFound: there is no such account.
    """
    return loop.call(compared(account_id), timeout_s)


async def compared(account_id: int) -> list[Compared]:
    """Compare positions and balances, again where they differ, up to ``LOOKS`` times.

    Raises:
        AccountNotFound: there is no such account.
    """
    try:
        session = await sessions.open_for(account_id)
    except (CallFailed, EngineUnavailable) as failure:
        why = _told(failure.details)
        return [Compared(account_id, what, Answer.NOT_ASKED, why=why) for what in _COMPARED]
    for look in range(LOOKS):
        if look:
            await asyncio.sleep(PAUSE_S)
        shown = await truth.look(session)
        found = [await db(judge, account_id, shown) for judge in _COMPARED.values()]
        if all(one.answer is Answer.EQUAL for one in found):
            break
    return found


def _positions(account_id: int, shown: Truth) -> Compared:
    ours = balances.net_positions(account_id)
    differences = compare_positions(ours, shown.positions)
    return _judged(account_id, "positions", shown.positions is not None, differences, shown.why)


def _balances(account_id: int, shown: Truth) -> Compared:
    if shown.balances and not has_opening(account_id):
        why = "the opening balances are not recorded yet"
        return Compared(account_id, "balances", Answer.NOT_ASKED, why=why)
    ours = balances.balances(account_id)
    differences = compare_balances(ours, shown.balances, shown.slack)
    return _judged(account_id, "balances", shown.balances is not None, differences, shown.why)


def _judged(
    account_id: int,
    what: str,
    is_told: bool,
    differences: tuple[Difference, ...],
    why: Mapping[str, Any],
) -> Compared:
    if not is_told:
        return Compared(account_id, what, Answer.NOT_ASKED, why=_told(why))
    answer = Answer.DIFFERENT if differences else Answer.EQUAL
    return Compared(account_id, what, answer, differences)


def _told(facts: Mapping[str, Any]) -> str:
    return ", ".join(str(value) for value in facts.values() if value) or "no answer"


_COMPARED = {"positions": _positions, "balances": _balances}
