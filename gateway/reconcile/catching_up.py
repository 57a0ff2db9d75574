"""What happened to our own orders while nobody was looking?

Asked when an account is served again, when its stream was cut, and all the while by polling. What
rests is compared with the exchange's list, one question for all of a symbol; only what is not
there, or was in doubt, is asked for by itself. Symbols, and the orders of one, are asked about
beside one another: what fails or hangs holds up nobody else.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from django.db.models import Exists, OuterRef, Q

from gateway.evidence.booking import CcxtStructure, book
from gateway.exchanges.ids import their_id
from gateway.exchanges.numbers import exact
from gateway.loop import db
from gateway.sending.carrying import waits_apart
from gateway.sending.recover import LIVE, LOOK_BACK, look_up, milliseconds
from gateway.sessions import kept as sessions
from gateway.sessions.session import Session
from gateway.troubles import blind
from gateway.troubles.beside import BUDGET_S, Work, side_by_side
from positions.engine.types import OrderStatus
from positions.models import ExchangeOrder, Execution, Instruction, InstructionState, Order

log = logging.getLogger(__name__)


Place = tuple[str, bool]
"""A symbol, and whether it is about the triggers that the exchange keeps apart there."""


async def catch_up(
    account_id: int, *, only: Collection[str] | None = None, budget_s: float = BUDGET_S
) -> dict[str, Exception]:
    """Book what was missed, symbol by symbol beside one another: own orders, then own trades.

    Returns the symbols of which something could not be asked, each with its failure; nothing is
    concluded of those. With ``only``, the others are left alone.

    Raises:
        CallFailed, EngineUnavailable: the exchange cannot be asked at all.
    """
    session = await sessions.open_for(account_id)
    missed = await db(_missed, account_id)
    if only is not None:
        missed = {symbol: what for symbol, what in missed.items() if symbol in only}
    works = {symbol: partial(_catch_up_one, session, what) for symbol, what in missed.items()}
    failures = await side_by_side(works, budget_s=budget_s)
    for symbol, failure in failures.items():
        about = {"account_id": account_id, "symbol": symbol, "why": blind.why_of(failure)}
        log.warning("catching_up.failed", extra=about)
    return failures


async def _catch_up_one(session: Session, what: "_Missed") -> None:
    await _all_of(partial(look_up, order_id) for order_id in what.in_doubt)
    for place, legs in places(session, what.resting).items():
        await compare(session, place, legs)
    if what.traded_since is not None:
        since_ms = milliseconds(what.traded_since)
        trades = await session.fetch_my_trades(what.symbol, since_ms=since_ms)
        await book(session, trades=trades)


def places(session: Session, legs: Iterable[ExchangeOrder]) -> dict[Place, list[ExchangeOrder]]:
    """The lists in which the legs have to stand; they come with their orders loaded.

    Triggers that the exchange keeps apart have a list of their own.
    """
    found: dict[Place, list[ExchangeOrder]] = defaultdict(list)
    for leg in legs:
        found[leg.symbol, waits_apart(session, leg)].append(leg)
    return dict(found)


async def compare(session: Session, place: Place, legs: Sequence[ExchangeOrder]) -> None:
    """Book what one list of open orders shows differently, and ask for those that are gone.

    Raises:
        CallFailed: the list could not be read; nothing is concluded.
    """
    symbol, apart = place
    listed = await session.fetch_open_orders(symbol, conditional=apart)
    shown = {their_id(order): order for order in listed}
    ids = {leg: leg.conditional_order_id if apart else leg.exchange_order_id for leg in legs}
    changed = [
        shown[theirs]
        for leg, theirs in ids.items()
        if theirs in shown and _differs(shown[theirs], leg)
    ]
    await book(session, orders=changed)
    await _all_of(
        partial(look_up, leg.order_id) for leg, theirs in ids.items() if theirs not in shown
    )


async def _all_of(works: Iterable[Work]) -> None:
    """All of them beside one another; then the first failure, if there is one."""
    failures = await side_by_side(dict(enumerate(works)))
    for failure in failures.values():
        raise failure


def resting(account_id: int) -> list[ExchangeOrder]:
    """What rests at the exchange, as far as we know, with its orders loaded."""
    legs = ExchangeOrder.objects.filter(
        Q(exchange_order_id__isnull=False) | Q(conditional_order_id__isnull=False),
        account_id=account_id,
        is_current=True,
        order__in=Order.objects.open().filter(account_id=account_id, status__in=LIVE),
    )
    return list(legs.select_related("order").order_by("id"))


def _differs(order: CcxtStructure, leg: ExchangeOrder) -> bool:
    """Whether the exchange shows another filled quantity than we know."""
    filled = exact(order.get("filled"))
    return filled is not None and filled != leg.reported_filled


@dataclass(slots=True)
class _Missed:
    """What of a symbol may have been missed."""

    symbol: str
    in_doubt: list[int] = field(default_factory=list)
    resting: list[ExchangeOrder] = field(default_factory=list)
    traded_since: datetime | None = None


def _missed(account_id: int) -> dict[str, _Missed]:
    """Every symbol ever ordered: its doubts, what rests, and from when trades are read again."""
    found = {
        symbol: _Missed(symbol, traded_since=since) for symbol, since in _traded_since(account_id)
    }
    for order_id, symbol in _in_doubt(account_id):
        found.setdefault(symbol, _Missed(symbol)).in_doubt.append(order_id)
    for leg in resting(account_id):
        found.setdefault(leg.symbol, _Missed(leg.symbol)).resting.append(leg)
    return found


def _in_doubt(account_id: int) -> list[tuple[int, str]]:
    """Orders that the exchange may have, or for which it has not answered something."""
    sent = Order.objects.open().filter(account_id=account_id)
    sent = sent.exclude(status=OrderStatus.PENDING_SUBMIT)
    unanswered = Instruction.objects.filter(order=OuterRef("pk"), state=InstructionState.SENDING)
    doubtful = sent.filter(~Q(status__in=LIVE, next_check_at=None) | Exists(unanswered))
    return list(doubtful.order_by("id").values_list("pk", "symbol"))


def _traded_since(account_id: int) -> list[tuple[str, datetime]]:
    """Every symbol ever ordered, with the moment from which its trades are fetched again."""
    found = []
    symbols = Order.objects.filter(account_id=account_id).values_list("symbol", flat=True)
    for symbol in symbols.order_by("symbol").distinct():
        mine = {"account_id": account_id, "symbol": symbol}
        last = Execution.objects.filter(**mine).order_by("-executed_at").first()
        first = Order.objects.filter(**mine).order_by("id").first()
        since = last.executed_at if last else first.created_at
        found.append((symbol, since - LOOK_BACK))
    return found
