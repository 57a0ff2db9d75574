"""How does one instruction get to the exchange, and where is its order there?"""

import logging
from decimal import Decimal
from typing import Any, assert_never

from gateway.sending import calls
from gateway.sessions.call import Call
from gateway.sessions.outcomes import Outcome, Refused
from gateway.sessions.session import Session
from gateway.words import Verdict
from oms_project.errors import OmsError
from positions.models import ExchangeOrder, Instruction, InstructionKind, Order

log = logging.getLogger(__name__)

REPLACE = "replace"  # Key of an instruction's new values (positions.projector.orders.replacing).


async def carry(session: Session, instruction: Instruction) -> dict[str, Any]:
    """Send one instruction, once, and give ccxt's answer.

    ``instruction`` comes with its order and exchange order loaded: no query runs here.

    Raises:
        CallFailed: see ``gateway.sessions.outcomes``. What we cannot even put into a call is
        ``Refused``.
    """
    order, leg = instruction.order, instruction.exchange_order
    try:
        call = _call_for(session, instruction, order, leg)
    except OmsError as error:
        # Accepted by the rules, but not sayable: a gap between the two that somebody should close.
        log.warning("call.not_buildable", extra={"order_id": order.pk, "why": error.message})
        raise Refused(Outcome(Verdict.REFUSED, exception="NotSupported")) from error
    match InstructionKind(instruction.kind):
        case InstructionKind.CREATE:
            return await session.create_order(call)
        case InstructionKind.CANCEL:
            return await session.cancel_order(call)
        case InstructionKind.EDIT:
            return await session.edit_order(call)
        case never:
            assert_never(never)


def waits_apart(session: Session, leg: ExchangeOrder) -> bool:
    """Whether the exchange has it among its triggers; ``leg`` comes with its order loaded."""
    return calls.waits_apart(
        leg.order, leg, exchange_id=session.exchange_id, is_spot=session.is_spot(leg.symbol)
    )


def _call_for(session: Session, instruction: Instruction, order: Order, leg: ExchangeOrder) -> Call:
    where: dict[str, Any] = {
        "exchange_id": session.exchange_id,
        "is_spot": session.is_spot(order.symbol),
    }
    match InstructionKind(instruction.kind):
        case InstructionKind.CREATE:
            return calls.create(order, leg, **where)
        case InstructionKind.CANCEL:
            return calls.cancel(order, leg, **where)
        case InstructionKind.EDIT:
            wanted = instruction.payload[REPLACE]
            price = None if wanted["price"] is None else Decimal(wanted["price"])
            return calls.edit(order, leg, qty=Decimal(wanted["qty"]), price=price, **where)
        case never:
            assert_never(never)
