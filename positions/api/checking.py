"""What is said of commands that are only to be checked (``?check=true``)?

Each is judged by what is now, as if it came alone: nothing is stored, so none sees what the one
before it would have done. They stand in the ordinary line, also where the real ones would not.
"""

from typing import Any

from accounts.rights.permissions import Caller
from oms_project.problems import problem
from positions import rows, services
from positions.api.asking import Item, envelope_of
from positions.api.turns import Line, turns
from positions.services.effects import Effect, Standing


async def check(caller: Caller, items: list[Item]) -> None:
    """Judge every command when it is the user's turn; its effect, or its refusal, is its result.

    Raises:
        RateLimited: too many requests of this user wait.
    """
    if not items:
        return
    with turns().waiting(caller.user_id, Line.ORDINARY):
        for item in items:
            await turns().run(caller.user_id, Line.ORDINARY, _check, caller, item)


def checked_body(item: Item) -> dict[str, Any]:
    """One result; ``effect`` is null where the command would be refused."""
    if item.body is not None:
        return item.body
    return {"index": item.index, "ok": False, "error": item.problem, "effect": None}


def _check(caller: Caller, item: Item) -> None:
    if (parsed := item.parsed) is None:
        return
    try:
        envelope = envelope_of(parsed, caller)
        effect = services.check(envelope, parsed.command, caller)
    except Exception as error:  # noqa: BLE001 (problem() logs what nobody expected)
        item.error = problem(error)
    else:
        shown = _effect_row(effect)
        item.body = {"index": item.index, "ok": True, "error": None, "effect": shown}


def _effect_row(effect: Effect) -> dict[str, Any]:
    return {
        "notional": rows.decimal_text(effect.notional),
        "fee": rows.decimal_text(effect.fee),
        "position_before": _standing_row(effect.before),
        "position_after": _standing_row(effect.after),
        "margin": rows.decimal_text(effect.margin),
    }


def _standing_row(standing: Standing | None) -> dict[str, Any] | None:
    if standing is None:
        return None
    return {
        "position_id": standing.position_id,
        "side": standing.side,
        "qty": rows.decimal_text(standing.qty),
    }
