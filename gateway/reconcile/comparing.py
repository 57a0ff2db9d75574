"""Do the books say what the exchange says?

Positions of derivatives per symbol, and what is owned per currency. The exchange is asked without
stopping anybody, so a difference may be a fill on its way: it counts only when the same is seen
every time.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import reduce
from typing import Any
from weakref import WeakKeyDictionary

from gateway import loop
from gateway.loop import db
from gateway.reconcile import truth
from gateway.reconcile.truth import Truth
from gateway.sessions import kept as sessions
from gateway.sessions.outcomes import CallFailed
from gateway.sessions.session import Session
from oms_project.errors import EngineUnavailable
from positions.engine.drift import Difference, compare_balances, compare_positions
from positions.ledger import balances
from positions.ledger.balances import Moved
from positions.projector.booking.opening import has_opening

LOOKS = 3
PAUSE_S = 1.0
READ_AT_ONCE = 2_000

_moved: WeakKeyDictionary[Session, Moved] = WeakKeyDictionary()


class Answer(StrEnum):
    """How a comparison ended. ``not_asked`` is never ``equal``; ``moving``: too much happens."""

    EQUAL = "equal"
    DIFFERENT = "different"
    MOVING = "moving"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison on one account; ``why`` says why it could not be made.

    ``is_silent``: a question failed, and may be answered the next time.
    """

    account_id: int
    what: str
    answer: Answer
    differences: tuple[Difference, ...] = ()
    why: str = ""
    is_silent: bool = False


def compare(account_id: int, timeout_s: float | None = None) -> list[Compared]:
    """Compare positions and balances; from any thread but the exchange loop's own.

    Raises:
        AccountNotFound: there is no such account.
    """
    return loop.call(compared(account_id), timeout_s)


async def compared(account_id: int) -> list[Compared]:
    """Compare positions and balances, again where they differ, ``LOOKS`` times.

    What differs by the same each time is different; what only differs is moving.

    Raises:
        AccountNotFound: there is no such account.
    """
    try:
        session = await sessions.open_for(account_id)
    except (CallFailed, EngineUnavailable) as failure:
        why = _told(failure.details)
        return [
            Compared(account_id, what, Answer.NOT_ASKED, why=why, is_silent=True)
            for what in _COMPARED
        ]
    moved = _moved.setdefault(session, Moved(account_id))
    while not await db(moved.read_on, READ_AT_ONCE):
        pass  # In pieces, so that others get the thread in between: SQLite has one.
    looks = []
    for look in range(LOOKS):
        if look:
            await asyncio.sleep(PAUSE_S)
        shown = await truth.look(session)
        looks.append([await db(judge, session, shown) for judge in _COMPARED.values()])
        if all(one.answer is not Answer.DIFFERENT for one in looks[-1]):
            return looks[-1]
    return [reduce(_both, each) for each in zip(*looks, strict=True)]


def without(one: Compared, unread: Collection[str]) -> Compared:
    """What a comparison tells where some lists could not be read: a symbol's own difference may be
    what its list would have told, and any balance's too.
    """
    if one.answer is not Answer.DIFFERENT:
        return one
    if one.what == "balances":
        return replace(one, answer=Answer.NOT_ASKED, differences=(), why="some lists are unread")
    left = tuple(each for each in one.differences if each.subject not in unread)
    return replace(one, answer=Answer.DIFFERENT if left else Answer.NOT_ASKED, differences=left)


def _both(before: Compared, now: Compared) -> Compared:
    """What a look confirms of the looks before it."""
    if now.answer is not Answer.DIFFERENT:
        return now
    same = tuple(
        one for one in now.differences if any(one.is_same(known) for known in before.differences)
    )
    return replace(now, answer=Answer.DIFFERENT if same else Answer.MOVING, differences=same)


def _positions(session: Session, shown: Truth) -> Compared:
    ours = balances.net_positions(session.account_id)
    differences = compare_positions(ours, shown.positions)
    return _judged(session, "positions", shown.positions is not None, differences, shown)


def _balances(session: Session, shown: Truth) -> Compared:
    if shown.balances and not has_opening(session.account_id):
        why = "the opening balances are not recorded yet"
        return Compared(session.account_id, "balances", Answer.NOT_ASKED, why=why)
    ours = balances.balances(session.account_id, _moved[session])
    differences = compare_balances(ours, shown.balances, shown.slack)
    return _judged(session, "balances", shown.balances is not None, differences, shown)


def _judged(
    session: Session,
    what: str,
    is_told: bool,
    differences: tuple[Difference, ...],
    shown: Truth,
) -> Compared:
    account_id = session.account_id
    if not is_told:
        why, silent = _told(shown.why), shown.is_silent
        return Compared(account_id, what, Answer.NOT_ASKED, why=why, is_silent=silent)
    answer = Answer.DIFFERENT if differences else Answer.EQUAL
    return Compared(account_id, what, answer, differences)


def _told(facts: Mapping[str, Any]) -> str:
    return ", ".join(str(value) for value in facts.values() if value) or "no answer"


_COMPARED = {"positions": _positions, "balances": _balances}
