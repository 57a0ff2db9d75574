"""What became of an order that the exchange did not answer for?

It is asked for by the exchange's id or by ours, then looked for in the lists; a trigger that the
exchange keeps apart first there, then among the orders. Found: whatever it shows is booked. Not
found: asked again with growing pauses, and only after the exchange's window presumed rejected. It
is never sent again. Where the exchange keeps no id of ours nothing is presumed: see
``gateway.sending.recognising``.
"""

import logging
from datetime import datetime, timedelta

from django.utils import timezone

from gateway import pacing
from gateway.evidence import normalize
from gateway.evidence.about import About
from gateway.evidence.booking import CcxtStructure, book
from gateway.exchanges import capabilities
from gateway.exchanges.numbers import Unreadable
from gateway.loop import db
from gateway.sending import recognising
from gateway.sending.carrying import waits_apart
from gateway.sessions import kept as sessions
from gateway.sessions.finding import Wanted, find
from gateway.sessions.outcomes import CallFailed
from gateway.sessions.session import Session
from oms_project.errors import OmsError
from positions.engine.types import OrderStatus
from positions.models import ExchangeOrder, Instruction, InstructionKind, InstructionState, Order
from positions.projector.orders import outcomes

log = logging.getLogger(__name__)

LIVE = (OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED)
LOOK_BACK = timedelta(minutes=10)
CONFIRM_AFTER = timedelta(seconds=0.5)


async def look_up(order_id: int) -> None:
    """Ask the exchange about one order and book what it says. Never raises a failed call."""
    leg = await db(_current_leg, order_id)
    if leg is None:
        return
    try:
        session = await sessions.open_for(leg.account_id)
        waited_for = outcomes.holds_up_a_close(leg.order)
        with pacing.going(pacing.Rank.CLOSING if waited_for else pacing.Rank.ACTING):
            found = await _find(session, leg)
        if found:
            await book(session, orders=found, about=About.of(leg.order, leg))
            await db(_after_answer, order_id)
        elif not session.seen(leg.symbol).carries_client_id and not leg.is_known:
            await recognising.look(session, leg)
        else:
            await _not_found(leg)
    except (CallFailed, OmsError) as failure:
        log.warning("lookup.failed", extra={"order_id": order_id} | failure.details)
        await db(outcomes.check_later, order_id, timezone.now())
    except Exception:
        # An answer that breaks us, say: the order is asked about again, and keeps no other waiting.
        log.exception("lookup.broke", extra={"order_id": order_id})
        await db(outcomes.check_later, order_id, timezone.now())


async def confirm(session: Session, instruction: Instruction, answer: CcxtStructure) -> None:
    """Ask about the order at once where the ``answer`` that was booked does not settle it.

    A new order's may hold an id and nothing else, or nothing that can be read; a cancel's or an
    edit's need not show its effect.
    """
    if instruction.kind == InstructionKind.CREATE:
        is_settled = _tells_state(answer, session.exchange_id)
    else:
        is_settled = await db(_state_of, instruction.pk) == InstructionState.SETTLED
    if not is_settled:
        await look_up(instruction.order_id)


async def _find(session: Session, leg: ExchangeOrder) -> list[CcxtStructure]:
    """What the exchange shows of the order: its trigger, the order itself, or both.

    Raises:
        CallFailed: one of the questions was not answered, so nothing is known.
    """
    trigger = None
    if waits_apart(session, leg):
        trigger = await _find_one(session, leg, conditional=True)
        if trigger is not None and _tells_all(trigger, session.exchange_id):
            return [trigger]
    order = await _find_one(session, leg, conditional=False)
    return [found for found in (trigger, order) if found is not None]


async def _find_one(
    session: Session, leg: ExchangeOrder, *, conditional: bool
) -> CcxtStructure | None:
    """The trigger, or the order, by id and then in the lists; ``None`` if nowhere there."""
    wanted = Wanted(
        symbol=leg.symbol,
        since=leg.created_at - LOOK_BACK,
        theirs=leg.conditional_order_id if conditional else leg.exchange_order_id,
        ours=leg.client_order_id,
        conditional=conditional,
    )
    return await find(session, wanted)


def _tells_state(order: CcxtStructure, exchange_id: str) -> bool:
    """Whether it can be read, and says how the order stands: at rest, or how it ended."""
    try:
        return normalize.order_report(order, exchange_id=exchange_id).status is not None
    except Unreadable:
        return False


def _tells_all(trigger: CcxtStructure, exchange_id: str) -> bool:
    """Whether it waits still, has ended, or names the order that it placed, which is then booked.

    Otherwise that order can be found by our id only.
    """
    placed = normalize.order_report(trigger, exchange_id=exchange_id).exchange_order_id
    return trigger.get("status") != "closed" or placed is not None


async def _not_found(leg: ExchangeOrder) -> None:
    now = timezone.now()
    if await db(_is_proven_missing, leg, now):
        log.warning("order.presumed_rejected", extra={"order_id": leg.order_id})
        await db(outcomes.presume_rejected, leg.order_id)
    else:
        await db(outcomes.check_later, leg.order_id, now)


def _is_proven_missing(leg: ExchangeOrder, now: datetime) -> bool:
    """In doubt for longer than the exchange's look-ups may lag, and never seen there."""
    order = Order.objects.select_related("account").get(pk=leg.order_id)
    if leg.is_known or order.doubt_since is None:
        return False
    window = timedelta(seconds=capabilities.not_found_window_s(order.account.exchange_id))
    return now - order.doubt_since > window


def _current_leg(order_id: int) -> ExchangeOrder | None:
    legs = ExchangeOrder.objects.filter(order_id=order_id, is_current=True)
    return legs.select_related("order").first()


def _after_answer(order_id: int) -> None:
    """The exchange shows the order: requests in doubt may be repeated, the rest is settled.

    What it shows may still not say how the order stands: then it is asked again.
    """
    order = Order.objects.get(pk=order_id)
    if order.status in LIVE:
        outcomes.still_live(order_id)
    if order.is_open and (order.next_check_at is not None or order.status not in LIVE):
        outcomes.check_later(order_id, timezone.now())


def _state_of(instruction_id: int) -> str:
    return Instruction.objects.values_list("state", flat=True).get(pk=instruction_id)


def milliseconds(moment: datetime) -> int:
    """As ccxt counts time."""
    return int(moment.timestamp() * 1000)
