"""Decide about a case: what a person says is booked, or noted, and stays on record.

The exchange is not asked: what is booked is the difference that the last comparison found. Where
that was not all of it, the next one opens a new case.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounts import audit
from accounts.audit import Actor
from oms_project.errors import Conflict, Invalid, NotFound
from positions import rows
from positions.engine.money import ZERO
from positions.engine.types import CaseAction, CaseState, OrderStatus, Side
from positions.models import Case, Execution, Transfer
from positions.outbox import HeldLane, holding
from positions.ports import MarketRules, exchange
from positions.projector.apply import apply_held
from positions.projector.cases import close_case, note_case
from positions.reports import OrderReport, Reports, TradeReport


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody says about a case.

    ``price``: what a hidden fill is booked at, in the quote currency; ``None``: the last price.
    """

    action: CaseAction
    comment: str
    price: Decimal | None = None


def decide(case_id: int, wish: Decision, by: Actor) -> dict[str, Any]:
    """Carry out the decision, all or nothing; returns the case's row. Rights are checked before.

    Raises:
        NotFound: there is no such case.
        Invalid: the action is none of those that the case offers.
        Conflict: it was decided already, or the books have moved since it was compared.
    """
    case = Case.objects.filter(pk=case_id).first()
    if case is None:
        raise NotFound(case_id=case_id)
    rules = None
    if wish.action is CaseAction.BOOK_FILL and case.symbol is not None:
        rules = exchange().market(case.account_id, case.symbol)
    with holding(case.account_id) as lane:
        case = Case.objects.get(pk=case_id)  # As it is now: cases move under the lane only.
        before = {"state": case.state, "owner": case.owner_id, "comment": case.comment}
        _check(case, wish)
        if wish.action is CaseAction.NOTE:
            note_case(lane, case, comment=wish.comment, owner_id=by.user_id)
        else:
            if wish.action is CaseAction.BOOK_TRANSFER:
                _book_transfer(lane, case)
            elif wish.action is CaseAction.BOOK_FILL and rules is not None:
                _book_fill(lane, case, wish, rules)
            close_case(lane, case, comment=wish.comment, owner_id=by.user_id)
        audit.record(
            by=by,
            action="case_decided",
            object_type="case",
            object_id=case.pk,
            before=before,
            after={"action": wish.action, "account_id": case.account_id, "facts": case.facts},
            comment=wish.comment,
        )
        case.refresh_from_db()
        return rows.case_row(case)


def _check(case: Case, wish: Decision) -> None:
    if case.state != CaseState.OPEN:
        raise Conflict("The case is resolved already.", case_id=case.pk, comment=case.comment)
    if wish.action not in case.actions:
        raise Invalid(
            "The case does not offer this.",
            field="action",
            limit=[*map(str, case.actions)],
            value=str(wish.action),
        )
    if wish.price is not None and wish.action is not CaseAction.BOOK_FILL:
        raise Invalid("Only a fill has a price.", field="price", limit=str(CaseAction.BOOK_FILL))


def _book_transfer(lane: HeldLane, case: Case) -> None:
    Transfer.objects.create(
        account_id=case.account_id,
        currency=case.facts["currency"],
        amount=Decimal(case.facts["amount"]),
        case=case,
        created_at=lane.now,
    )


def _book_fill(lane: HeldLane, case: Case, wish: Decision, rules: MarketRules) -> None:
    """An external order that did what is missing; it can be reassigned like any other.

    Raises:
        Conflict: the symbol was traded since, or no price is known.
    """
    later = Execution.objects.filter(
        account_id=case.account_id,
        symbol=rules.symbol,
        booking_no__gt=case.facts["booked_until"],
    )
    if later.exists():
        raise Conflict(
            "Fills of this symbol were booked since it was compared; wait for the next round.",
            case_id=case.pk,
        )
    price = wish.price or exchange().last_price(case.account_id, rules.symbol)
    if price is None:
        raise Conflict("No price is known; give one.", case_id=case.pk, field="price")
    amount = Decimal(case.facts["amount"])
    name, side = f"case-{case.pk}", Side.BUY if amount > ZERO else Side.SELL
    order = OrderReport(
        symbol=rules.symbol,
        exchange_order_id=name,
        client_order_id=name,
        status=OrderStatus.FILLED,
        side=side,
        qty=abs(amount),
        filled_qty=abs(amount),
        reported_at=lane.now,
        note=f"Booked by case {case.pk}: {wish.comment}",
    )
    trade = TradeReport(
        symbol=rules.symbol,
        exchange_trade_id=name,
        exchange_order_id=name,
        side=side,
        qty=abs(amount),
        price=price,
        executed_at=lane.now,
        fee=ZERO,
        fee_currency=rules.settle or rules.quote,
    )
    apply_held(lane, Reports((order,), (trade,)), {rules.symbol: rules}, adopt=True)
