"""How does what an exchange said become booked?

Stored raw first (committed), then translated, then applied. Where the exchange reports more filled
than it showed trades for, or a trigger that has placed an order, those are fetched before anything
is called final.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from django.utils import timezone

from gateway import markets, normalize, raw
from gateway.loop import db
from gateway.outcomes import CallFailed
from gateway.session import Session
from oms_project import faultpoints
from oms_project.faultpoints import Place
from positions import projector
from positions.projector.apply import Owing

log = logging.getLogger(__name__)

CcxtStructure = dict[str, Any]

_listeners: dict[int, Callable[[], None]] = {}


def listen(account_id: int, listener: Callable[[], None] | None) -> None:
    """Have ``listener`` called after every booking of the account in this process; ``None``: not.

    Whoever watches resting orders listens: any answer, also to a look-up, may show one at rest.
    """
    if listener is None:
        _listeners.pop(account_id, None)
    else:
        _listeners[account_id] = listener


async def book(
    session: Session,
    *,
    orders: Sequence[CcxtStructure] = (),
    trades: Sequence[CcxtStructure] = (),
    fundings: Sequence[CcxtStructure] = (),
    client_order_id: str | None = None,
    adopt: bool = False,
    streamed: bool = False,
) -> None:
    """Book ccxt structures of the session's account, and what its orders still owe.

    ``client_order_id`` is ours of the order asked about, for answers that leave it out. With
    ``adopt``, an order that is not ours becomes an external one. What was ``streamed`` may have
    overtaken the answer to its order. What cannot be fetched now stays owing: the order is not
    final and is asked again.
    """
    owing = await db(
        store_and_apply,
        session,
        orders=orders,
        trades=trades,
        fundings=fundings,
        client_order_id=client_order_id,
        adopt=adopt,
        streamed=streamed,
    )
    try:
        for order in owing:
            await _book_owed(session, order, streamed=streamed)
    finally:
        if listener := _listeners.get(session.account_id):
            listener()


async def _book_owed(session: Session, owing: Owing, *, streamed: bool) -> None:
    """Fetch and book what is missing: the order that a trigger placed, then its trades."""
    symbol, exchange_order_id = owing.symbol, owing.exchange_order_id
    try:
        if owing.is_unseen:
            placed = await session.fetch_order(symbol, exchange_order_id=exchange_order_id)
            for owed in await db(store_and_apply, session, orders=[placed], streamed=streamed):
                if not owed.is_unseen:
                    await _book_owed(session, owed, streamed=streamed)
            return
        fetched = await session.fetch_order_trades(symbol, exchange_order_id)
    except CallFailed as failure:
        log.warning("booking.not_fetched", extra={"order_id": owing.order_id} | failure.details)
        return
    await db(store_and_apply, session, trades=fetched, streamed=streamed)


def store_and_apply(
    session: Session,
    *,
    orders: Sequence[CcxtStructure] = (),
    trades: Sequence[CcxtStructure] = (),
    fundings: Sequence[CcxtStructure] = (),
    client_order_id: str | None = None,
    adopt: bool = False,
    streamed: bool = False,
) -> list[Owing]:
    """Store the raw rows, then book them; returns the orders of which something is missing."""
    if not (orders or trades or fundings):
        return []
    observed_at = timezone.now()
    evidence = raw.record(
        account_id=session.account_id,
        exchange_id=session.exchange_id,
        evidence=raw.Evidence(tuple(orders), tuple(trades), tuple(fundings)),
        observed_at=observed_at,
        place=session.profile.raw_storage,
    )
    faultpoints.at(Place.RECORDED)
    reading = normalize.reports(
        exchange_id=session.exchange_id,
        observed_at=observed_at,
        orders=evidence.orders,
        trades=evidence.trades,
        fundings=evidence.fundings,
        client_order_id=client_order_id,
    )
    for fault in reading.unreadable:
        log.error("booking.unreadable", extra={"account_id": session.account_id, "fault": fault})
    for trade in reading.reports.trades:
        markets.remember_price(session.account_id, trade.symbol, trade.price)
    owing = projector.apply(session.account_id, reading.reports, adopt=adopt, streamed=streamed)
    faultpoints.at(Place.BOOKED)
    return owing
