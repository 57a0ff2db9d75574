"""Can an account be traded through its login, and what stands in the way?

Each check is asked for by itself and answers ``ok``, ``failed`` or ``not_told``; nothing is ordered
or changed at the exchange. What is learned of the position mode is stored.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway import loop
from gateway.sessions import kept as sessions
from gateway.sessions import position_mode
from gateway.sessions.outcomes import CallFailed
from gateway.sessions.session import Session
from gateway.words import ExchangePositionMode
from oms_project.errors import EngineUnavailable

MOST_OFF_MS = 1000  # Further off, and an exchange with a receive window may refuse.


class Result(StrEnum):
    """How a check went."""

    OK = "ok"
    FAILED = "failed"
    NOT_TOLD = "not_told"


@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer; ``facts`` may be shown to anyone who may see the account."""

    name: str
    result: Result
    facts: Mapping[str, Any]


def probe(account_id: int, timeout_s: float = 60.0) -> list[Check]:
    """Run every check; from any thread but the exchange loop's own.

    Raises:
        AccountNotFound: there is no such account.
        TimeoutError: the exchange took longer than that.
    """
    return loop.call(examine(account_id), timeout_s)


async def examine(account_id: int) -> list[Check]:
    """Run every check, with a session of its own opening.

    Raises:
        AccountNotFound: there is no such account.
    """
    await sessions.forget(account_id)  # A login that was just corrected is read again.
    try:
        session = await sessions.open_for(account_id)
    except EngineUnavailable as failure:
        facts = {"why": failure.message} | failure.details
        return [Check("engine", Result.FAILED, facts)]
    found = [Check("engine", Result.OK, {"exchange_id": session.exchange_id})]
    for name, ask in _CHECKS.items():
        try:
            found += await ask(session)
        except CallFailed as failure:
            found.append(Check(name, Result.FAILED, failure.details))
    return found


def passed(checks: list[Check]) -> bool:
    """Whether nothing failed; what an exchange does not tell is no failure."""
    return all(check.result is not Result.FAILED for check in checks)


async def _markets(session: Session) -> list[Check]:
    count = len(session.exchange.markets)
    return [Check("markets", Result.OK if count else Result.FAILED, {"count": count})]


async def _clock(session: Session) -> list[Check]:
    ahead_ms = await session.measure_clock()
    if ahead_ms is None:
        return [Check("clock", Result.NOT_TOLD, {})]
    off = abs(ahead_ms) > MOST_OFF_MS
    facts = {"ahead_ms": ahead_ms, "limit_ms": MOST_OFF_MS}
    return [Check("clock", Result.FAILED if off else Result.OK, facts)]


async def _login(session: Session) -> list[Check]:
    """The login is good for reading; what else it may is shown where the exchange says so."""
    balance = await session.fetch_balance()
    info = balance.get("info")
    told = info if isinstance(info, Mapping) else {}
    rights = {
        word: told[key]
        for key, word in session.facts.permission_keys.items()
        if isinstance(told.get(key), bool)
    }
    if not rights:
        permissions = Check("permissions", Result.NOT_TOLD, {})
    else:
        result = Result.OK if rights.get("trade", True) else Result.FAILED
        permissions = Check("permissions", result, rights | _advice(rights))
    return [Check("login", Result.OK, {}), permissions]


async def _mode(session: Session) -> list[Check]:
    mode = await position_mode.look(session)
    result = {
        ExchangePositionMode.ONE_WAY: Result.OK,
        ExchangePositionMode.TWO_WAY: Result.FAILED,
        ExchangePositionMode.UNTOLD: Result.NOT_TOLD,
    }[mode]
    facts = {"exchange_position_mode": mode} if session.has_contracts else {"derivatives": False}
    return [Check("position_mode", result, facts)]


def _advice(rights: Mapping[str, bool]) -> dict[str, str]:
    if not rights.get("withdraw"):
        return {}
    return {"advice": "This login may withdraw. Give the OMS one that may not."}


_CHECKS: Mapping[str, Callable[[Session], Awaitable[list[Check]]]] = {
    "markets": _markets,
    "clock": _clock,
    "login": _login,
    "position_mode": _mode,
}
