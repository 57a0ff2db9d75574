"""What may a restricted key do and be told on an account that others use too?

What it is told does not depend on strategies that are not its own. Where a total of the account
decides all the same, the refusal names code, field and the value that was asked for, and nothing of
the total. On netting accounts strategies share the position of a symbol: a key that could open or
raise there would trade with somebody else's volume.
"""

from collections.abc import Mapping
from typing import Any

from accounts.models import Account
from accounts.rights.permissions import Caller
from oms_project.errors import Invalid, OmsError, RiskBlocked, StrategyPermissionDenied
from positions.engine.errors import EngineError, NotEnoughHeld
from positions.engine.types import PositionMode
from positions.models import Order, Position

# Facts of refusals that tell what others have.
_OF_OTHERS = frozenset({"exchange_net", "external_position_ids", "current_position_id"})
# Decisions of the desk, not sums: they are what they are, whoever else trades.
_DECISIONS = frozenset({"kill_switch", "account_status", "halt", "allow_new_positions"})


def listed_strategies(caller: Caller, account_id: int) -> frozenset[int] | None:
    """The strategies of the caller's list, None where the key is not restricted."""
    held = caller.rights.get(account_id)
    return None if held is None or held.strategies is None else frozenset(held.strategies)


def require_symbol_to_itself(caller: Caller, account: Account, symbol: str) -> None:
    """On a netting account nobody outside a restricted key's list is in the symbol.

    Positions and orders of unassigned external orders do not count.

    Raises:
        StrategyPermissionDenied: somebody is.
    """
    own = listed_strategies(caller, account.pk)
    if own is None or account.position_mode != PositionMode.NETTING:
        return
    positions = Position.objects.open().filter(
        account=account, symbol=symbol, is_external=False, qty__gt=0
    )
    orders = Order.objects.open().filter(account=account, symbol=symbol, reconciled=True)
    if any(rows.exclude(strategy_id__in=own).exists() for rows in (positions, orders)):
        raise StrategyPermissionDenied(
            "Strategies share one position per symbol here, and another one is in this symbol.",
            field="symbol",
            value=symbol,
        )


def veiled(refusal: Exception, caller: Caller, account_id: int, command: Any) -> Exception:
    """The refusal as the caller may see it: as it is, unless the key is restricted there."""
    if listed_strategies(caller, account_id) is None:
        return refusal
    if isinstance(refusal, NotEnoughHeld):
        return Invalid("Not enough is held.", **_asked(refusal.facts))
    if isinstance(refusal, RiskBlocked) and _is_a_total(refusal.details, caller):
        field = str(refusal.details.get("field"))
        return RiskBlocked(field=field, value=getattr(command, field, None))
    told = refusal.facts if isinstance(refusal, EngineError) else _details(refusal)
    for name in _OF_OTHERS & told.keys():
        del told[name]
    return refusal


def _is_a_total(details: Mapping[str, Any], caller: Caller) -> bool:
    """A limit of the account, or of a key above the caller's, counts what others do."""
    if details.get("rule") in _DECISIONS or "rule" not in details:
        return False
    scope = details.get("scope")
    return scope == "account" or (scope == "key" and details.get("id") != caller.api_key_id)


def _asked(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {"field": facts.get("field"), "value": facts.get("value")}


def _details(refusal: Exception) -> dict[str, Any]:
    return refusal.details if isinstance(refusal, OmsError) else {}
