"""What happened to our own orders while nobody was looking?

Asked when an account is served again, when its stream was cut, and all the while by polling. What
rests is compared with the exchange's list, one question for all of it; only what is not there, or
was in doubt, is asked for by itself.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from gateway import normalize, sessions
from gateway.booking import CcxtStructure, book
from gateway.loop import db
from gateway.recover import LIVE, LOOK_BACK, look_up, milliseconds
from gateway.session import Session
from positions.engine.types import OrderStatus
from positions.models import ExchangeOrder, Execution, Instruction, InstructionState, Order


async def catch_up(account_id: int) -> None:
    """Book what was missed: own orders, then own trades.

    Raises:
        CallFailed, EngineUnavailable: the exchange could not be asked; nothing is concluded.
    """
    session = await sessions.open_for(account_id)
    for order_id in await db(_in_doubt, account_id):
        await look_up(order_id)
    await compare(session, await db(resting, account_id))
    for symbol, since in await db(_traded_since, account_id):
        trades = await session.fetch_my_trades(symbol, since_ms=milliseconds(since))
        await book(session, trades=trades)


async def compare(session: Session, legs: Sequence[ExchangeOrder]) -> None:
    """Book what the exchange's open orders show differently, and ask for those that are gone.

    Triggers that the exchange keeps apart have a list of their own. ``legs`` come with their orders
    loaded.
    """
    places: dict[tuple[str, bool], list[ExchangeOrder]] = defaultdict(list)
    for leg in legs:
        places[leg.symbol, session.waits_apart(leg)].append(leg)
    for (symbol, apart), there in sorted(places.items()):
        listed = await session.fetch_open_orders(symbol, conditional=apart)
        shown = {order.get("id"): order for order in listed}
        ids = {leg: leg.conditional_order_id if apart else leg.exchange_order_id for leg in there}
        changed = [
            shown[theirs]
            for leg, theirs in ids.items()
            if theirs in shown and _differs(shown[theirs], leg)
        ]
        await book(session, orders=changed)
        for leg, theirs in ids.items():
            if theirs not in shown:
                await look_up(leg.order_id)


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
    filled = normalize.exact(order.get("filled"))
    return filled is not None and filled != leg.reported_filled


def _in_doubt(account_id: int) -> list[int]:
    """Orders that the exchange may have, or for which it has not answered something."""
    sent = Order.objects.open().filter(account_id=account_id)
    sent = sent.exclude(status=OrderStatus.PENDING_SUBMIT)
    unanswered = Instruction.objects.filter(order=OuterRef("pk"), state=InstructionState.SENDING)
    doubtful = sent.filter(~Q(status__in=LIVE, next_check_at=None) | Exists(unanswered))
    return list(doubtful.order_by("id").values_list("pk", flat=True))


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
