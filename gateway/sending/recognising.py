"""How is an order found again whose exchange keeps no id of ours?

By what it is: all that the exchange lists of the symbol is read, and ``projector.orders.doubts``
judges. What is not certain stays in doubt, and is looked at again.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from gateway.evidence import normalize
from gateway.exchanges import capabilities
from gateway.exchanges.numbers import Unreadable
from gateway.loop import db
from gateway.sessions.finding import fetch_closed_orders
from positions.models import ExchangeOrder
from positions.ports import exchange
from positions.projector.orders import outcomes
from positions.projector.unclear import doubts
from positions.reports import OrderReport

if TYPE_CHECKING:
    from gateway.sessions.session import Session

log = logging.getLogger(__name__)

LOOK_BACK = timedelta(minutes=10)


async def look(session: "Session", leg: ExchangeOrder) -> None:
    """Read the lists of the symbol and judge the doubt.

    Raises:
        CallFailed: a list could not be read, so nothing is known.
    """
    since_ms = int((leg.created_at - LOOK_BACK).timestamp() * 1000)
    resting = await session.fetch_open_orders(leg.symbol)
    ended = await fetch_closed_orders(session, leg.symbol, since_ms)
    if not await db(_judge, session, leg, [*resting, *ended]):
        await db(outcomes.check_later, leg.order_id, timezone.now())


def _judge(session: "Session", leg: ExchangeOrder, listed: list[Mapping[str, Any]]) -> bool:
    exchange_now = session.exchange_time()
    return doubts.judge(
        leg.order_id,
        list(_read(listed, session.exchange_id)),
        exchange().market(leg.account_id, leg.symbol),
        exchange_now=exchange_now,
        ahead=timezone.now() - exchange_now,
        window=timedelta(seconds=capabilities.in_flight_s(session.exchange_id)),
    )


def _read(listed: Iterable[Mapping[str, Any]], exchange_id: str) -> Iterable[OrderReport]:
    for order in listed:
        try:
            yield normalize.order_report(order, exchange_id=exchange_id)
        except Unreadable as fault:
            log.warning("recognising.unreadable", extra={"why": str(fault)})
