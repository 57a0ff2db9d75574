"""How do an account's instructions reach its exchange?

One lane per account: claims are taken in order, the sends run side by side, so that one hanging
exchange holds up nobody else and one slow answer not the next order. A claim is committed before
its request leaves; whatever happens then ends in exactly one outcome.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.utils import timezone

from gateway import pacing, runs
from gateway.evidence.about import About
from gateway.evidence.booking import book
from gateway.loop import db, whose, yielding
from gateway.sending import carrying, recover
from gateway.sending.leasing import Tenure
from gateway.sessions import kept as sessions
from gateway.sessions import markets, position_mode, wire
from gateway.sessions.outcomes import CallFailed, NotFound, NotSent, Refused, Throttled
from gateway.words import Scope
from oms_project import faultpoints
from oms_project.errors import EngineUnavailable, Invalid, OrderRejected
from oms_project.faultpoints import Place
from positions import projector
from positions.courtesy import FEW, LOOK_AGAIN_S, courtesy, parties
from positions.models import Instruction, InstructionKind
from positions.projector import Claim

log = logging.getLogger(__name__)

RETRY_AFTER_S = 1.0
LOOK_AGAIN_AFTER_S = 0.5
LOOK_ELSEWHERE_EVERY_S = 10.0

_looked_at_s: dict[int, float] = {}


class Lane:
    """The sends of one account. Lives on the process's exchange loop.

    ``tenure`` says until when this process may send.
    """

    def __init__(self, tenure: Tenure) -> None:
        self.account_id = tenure.account_id
        self._tenure = tenure
        self._is_closing = False
        self._resumes_at_s = 0.0
        self._bell = asyncio.Event()
        self._who = parties(account_ids=[self.account_id])  # And whose the newest claim is.
        self._flying: set[asyncio.Task[None]] = set()

    def ring(self) -> None:
        """There may be something to send."""
        self._bell.set()

    async def run(self) -> None:
        """Send whatever waits, for ever."""
        whose.set(self.account_id)  # And of every send that it begins.
        while True:
            await self._bell.wait()
            self._bell.clear()
            try:
                await self._send_waiting()
            except Exception:
                # The row is still there; the sweeper rings again.
                log.exception("lane.claim_failed", extra={"account_id": self.account_id})

    async def drain(self) -> None:
        """Claim nothing more and wait until everything that was claimed has its outcome."""
        self._is_closing = True
        while self._flying:
            await asyncio.wait(self._flying)

    async def _send_waiting(self) -> None:
        while not self._is_closing and self._tenure.may_send:
            await asyncio.sleep(self._resumes_at_s - asyncio.get_running_loop().time())
            room = self._room()
            claims = await self._claim(room)
            if not claims:
                return
            faultpoints.at(Place.CLAIMED)
            for claim in claims:
                task = asyncio.create_task(self._carry_out(claim))
                self._flying.add(task)
                task.add_done_callback(self._landed)
            if len(claims) < room and not any(claim.instruction.urgent for claim in claims):
                return  # Nothing else was ready; what becomes so rings, and so does each landing.

    def _room(self) -> int:
        """How many more may be claimed now; among others it is done in small pieces."""
        room = max(settings.OMS_IN_FLIGHT - len(self._flying), 0)
        return min(room, FEW) if courtesy().is_among_others(self._who) else room

    async def _claim(self, room: int) -> list[Claim]:
        """What may be sent now; a busy account lets others go first, but for what is urgent."""
        claim = partial(projector.claim, self.account_id, fence=self._tenure.fence)
        most_urgent = room + settings.OMS_IN_FLIGHT
        if not courtesy().is_busy(self._who):
            return await db(claim, most=room, most_urgent=most_urgent)
        urgent = await db(claim, most=0, most_urgent=most_urgent)
        if urgent or not room:
            return urgent
        while (piece := courtesy().begin(self._who)) is None:
            if self._bell.is_set():
                return []  # It may be urgent.
            await asyncio.sleep(LOOK_AGAIN_S)
        with courtesy().doing(piece):
            return await db(claim, most=room, most_urgent=most_urgent)

    async def _carry_out(self, claim: Claim) -> None:
        """Carry out a claim; where the exchange is busy, the whole account pauses a little."""
        with self._politely(claim):
            pause_s = await carry_out(self._tenure, claim)
        if pause_s:
            until_s = asyncio.get_running_loop().time() + pause_s
            self._resumes_at_s = max(self._resumes_at_s, until_s)

    @contextmanager
    def _politely(self, claim: Claim) -> Iterator[None]:
        """Who has few orders under way waits for this one; who has many lets others go first."""
        command, account = claim.instruction.command, parties(account_ids=[self.account_id])
        who = account | parties(user_id=None if command is None else command.user_id)
        self._who = who
        with courtesy().having(account):
            if not courtesy().is_busy(who):
                with courtesy().waiting(who):
                    yield
                return
            if not claim.instruction.urgent:
                yielding.set(who)  # The task ends with the claim.
            yield

    def _landed(self, task: "asyncio.Task[None]") -> None:
        """There is room again, and a command that waited for this one may go."""
        self._flying.discard(task)
        self._bell.set()


async def carry_out(tenure: Tenure, claim: Claim) -> float:
    """Send one claimed instruction and book its outcome. Never raises.

    Returns for how many seconds nothing more should be sent for the account; 0 as a rule.
    """
    rank = pacing.Rank.CLOSING if claim.instruction.urgent else pacing.Rank.ACTING
    try:
        with pacing.going(rank):
            return await _send(tenure, claim)
    except Exception:
        # Our own fault, after the request may have left: doubt, not failure.
        log.exception("lane.outcome_in_doubt", extra=_ids(claim))
        await _in_doubt(claim)
        return 0.0


async def _send(tenure: Tenure, claim: Claim) -> float:
    instruction = claim.instruction
    claimed_at_s = asyncio.get_running_loop().time()
    wire.last_look.set(partial(may_leave, tenure, claim, claimed_at_s))
    try:
        session = await sessions.open_for(tenure.account_id)
        if instruction.kind == InstructionKind.CREATE:
            await position_mode.require_one_way(session, instruction.order.symbol)
        answer = await carrying.carry(session, instruction)
    except EngineUnavailable as failure:
        log.warning("engine.unavailable", extra=_ids(claim) | {"why": failure.message})
        await _put_back(claim, RETRY_AFTER_S, failure.details)
    except Invalid as refusal:
        log.warning("order.not_sendable", extra=_ids(claim) | refusal.details)
        await db(projector.refuse, instruction.pk, claim.fence, refusal)
    except Refused as refusal:
        log.info("order.refused", extra=_ids(claim) | refusal.details)
        position_mode.doubt(tenure.account_id)
        if refusal.outcome.filter is not None:  # Our rules of the market may be old.
            await markets.refresh_after_refusal(tenure.account_id)
        await db(projector.refuse, instruction.pk, claim.fence, OrderRejected(**refusal.details))
        if instruction.kind == InstructionKind.CREATE and instruction.exchange_order.reduce_only:
            await _look_elsewhere(instruction)
    except Throttled as refusal:
        await _put_back(claim, refusal.retry_after_s or RETRY_AFTER_S, refusal.details)
        # Where it is known for how long, ``gateway.pacing`` holds back what it is about: cancels go
        # on where only orders were too many.
        return 0.0 if refusal.retry_after_s else RETRY_AFTER_S
    except NotSent as failure:
        await _put_back(claim, RETRY_AFTER_S, failure.details)
    except NotFound:
        # The order ended before the cancel or the edit: what the exchange says of it decides.
        await _in_doubt(claim)
        await recover.look_up(instruction.order_id)
    except CallFailed as failure:
        log.warning("order.in_doubt", extra=_ids(claim) | failure.details)
        await _in_doubt(claim)
        await recover.look_up(instruction.order_id)
    else:
        faultpoints.at(Place.ANSWERED)
        about = About.of(instruction.order, instruction.exchange_order, is_answer=True)
        await book(session, orders=[answer], about=about)
        await recover.confirm(session, instruction, about.completed(answer))
    return 0.0


async def _look_elsewhere(instruction: Instruction) -> None:
    """A refused reduce-only order may mean that somebody closed there what we still hold.

    What happened is read soon, not at the next round; at most once in a while, since the order may
    be tried, and refused, again.
    """
    account_id, now_s = instruction.account_id, asyncio.get_running_loop().time()
    if now_s - _looked_at_s.get(account_id, -LOOK_ELSEWHERE_EVERY_S) < LOOK_ELSEWHERE_EVERY_S:
        return
    _looked_at_s[account_id] = now_s
    wish = runs.Asked(Scope.SHORT, symbols=(instruction.order.symbol,))
    await db(runs.ask, [account_id], wish, user_id=None)


async def may_leave(tenure: Tenure, claim: Claim, claimed_at_s: float) -> bool:
    """Whether this process still serves the account, and the risk desk has not stopped the order.

    What was claimed a moment ago knows the latter.
    """
    age_s = asyncio.get_running_loop().time() - claimed_at_s
    if age_s >= LOOK_AGAIN_AFTER_S and not await db(
        projector.may_still_be_sent, claim.instruction.pk
    ):
        return False
    return tenure.may_send


async def _put_back(claim: Claim, wait_s: float, details: dict[str, Any]) -> None:
    log.warning("order.not_sent", extra=_ids(claim) | details | {"retry_in_s": wait_s})
    retry_at = timezone.now() + timedelta(seconds=wait_s)
    await db(projector.not_sent, claim.instruction.pk, claim.fence, retry_at=retry_at)


async def _in_doubt(claim: Claim) -> None:
    await db(projector.mark_unknown, claim.instruction.pk, claim.fence)


def _ids(claim: Claim) -> dict[str, int | str | None]:
    instruction = claim.instruction
    return {
        "account_id": instruction.account_id,
        "order_id": instruction.order_id,
        "command_id": instruction.command_id,
        "kind": instruction.kind,
    }
