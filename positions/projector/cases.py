"""How does a difference become a case, and when is it over?"""

from decimal import Decimal
from typing import Any

from positions import rows
from positions.engine.explaining import Explained
from positions.engine.types import CaseAction, CaseKind, CaseState, Resolution
from positions.models import Case, Order, Position
from positions.outbox import HeldLane
from positions.projector.journal import exact_json


def open_case(
    lane: HeldLane,
    kind: CaseKind,
    subject: str,
    *,
    symbol: str | None = None,
    proposal: str = "",
    action: CaseAction = CaseAction.ACKNOWLEDGE,
    strategy_id: int = 0,
    position: Position | None = None,
    order: Order | None = None,
    facts: dict[str, Any] | None = None,
) -> Case:
    """Open a case and tell it; where the same one is open already, only its facts are renewed.

    ``facts`` are what a person needs to decide; decimals become exact text.
    """
    told = exact_json(facts or {})
    if same := Case.objects.about(lane.account_id, kind, subject):
        same.facts = told
        same.save(update_fields=["facts"])
        return same
    case = Case.objects.create(
        account_id=lane.account_id,
        kind=kind,
        symbol=symbol,
        subject=subject,
        strategy_id=strategy_id,
        position=position,
        order=order,
        facts=told,
        proposal=proposal,
        action=action,
        opened_at=lane.now,
    )
    lane.tell("mismatch_opened", rows.case_row(case), strategy_id=strategy_id)
    return case


def resolve_case(
    lane: HeldLane,
    kind: CaseKind,
    subject: str,
    *,
    comment: str = "",
    owner_id: int | None = None,
) -> Case | None:
    """Resolve the open case of this kind about ``subject`` and tell it; ``None`` without one.

    ``owner_id`` is the user who decided, ``None`` where what it was about has gone by itself.
    """
    case = Case.objects.about(lane.account_id, kind, subject)
    if case is None:
        return None
    close_case(lane, case, comment=comment, owner_id=owner_id)
    return case


def note_case(lane: HeldLane, case: Case, *, comment: str, owner_id: int | None) -> None:
    """Somebody looks after an open case; it stays open."""
    case.comment = comment
    case.owner_id = owner_id
    case.save(update_fields=["comment", "owner"])
    lane.tell("mismatch_opened", rows.case_row(case), strategy_id=case.strategy_id)


def close_case(
    lane: HeldLane,
    case: Case,
    *,
    comment: str,
    owner_id: int | None,
    resolution: Resolution = Resolution.GONE,
) -> None:
    """Resolve this case and tell it."""
    case.state = CaseState.RESOLVED
    case.resolution = resolution
    case.comment = comment
    case.owner_id = owner_id
    case.resolved_at = lane.now
    case.save(update_fields=["state", "resolution", "comment", "owner", "resolved_at"])
    lane.tell("mismatch_resolved", rows.case_row(case), strategy_id=case.strategy_id)


def open_difference(lane: HeldLane, found: Explained, facts: dict[str, Any]) -> Case:
    """Open a case about what a comparison found and tell it."""
    case = Case(
        account_id=lane.account_id,
        finding=found.finding,
        subject=found.subject,
        symbol=found.symbol,
        opened_at=lane.now,
    )
    if found.position_id is not None:
        case.position = Position.objects.get(pk=found.position_id)
        case.strategy_id = case.position.strategy_id
    _explain(case, found, facts)
    case.save(force_insert=True)
    lane.tell("mismatch_opened", rows.case_row(case), strategy_id=case.strategy_id)
    return case


def renew_difference(lane: HeldLane, case: Case, found: Explained, facts: dict[str, Any]) -> None:
    """The same difference was found again; it is told where it has become another."""
    other = exact_json({name: facts[name] for name in found.facts})
    known = {name: case.facts.get(name) for name in found.facts}
    if case.kind == found.kind and known == other and is_same_amount(case, found):
        case.facts["booked_until"] = facts["booked_until"]
        case.save(update_fields=["facts"])
        return
    _explain(case, found, facts)
    case.save(update_fields=["kind", "explanation", "proposal", "action", "facts"])
    lane.tell("mismatch_opened", rows.case_row(case), strategy_id=case.strategy_id)


def is_same_amount(case: Case, found: Explained) -> bool:
    """Whether both tell of the same amount, give or take what the exchange rounds."""
    known = case.facts.get("amount")
    if known is None or found.amount is None:
        return known is None and found.amount is None
    return abs(Decimal(known) - found.amount) <= 2 * found.within


def _explain(case: Case, found: Explained, facts: dict[str, Any]) -> None:
    case.kind = found.kind
    case.explanation = found.explanation
    case.proposal = found.proposal
    case.action = found.action
    case.facts = exact_json(facts)


def subject_of(position: Position) -> str:
    """How a case names a position."""
    return f"position {position.pk}"
