"""How does what an exchange said become booked?

Stored raw first (committed), then translated, then applied. Where the exchange reports more filled
than it showed trades for, or a trigger that has placed an order, those are fetched before anything
is called final.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils import timezone

from gateway.evidence import normalize, raw
from gateway.evidence.about import About
from gateway.loop import db
from gateway.pricing import rates as fee_rates
from gateway.pricing.rates import UNKNOWN, Rates
from gateway.sessions.finding import fetch_order, fetch_order_trades
from gateway.sessions.outcomes import CallFailed
from gateway.sessions.session import Session
from oms_project import faultpoints
from oms_project.faultpoints import Place
from positions import projector
from positions.projector.apply import Owing
from positions.reports import Reports, TradeReport

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
    about: About | None = None,
    adopt: bool = False,
    streamed: bool = False,
) -> None:
    """Book ccxt structures of the session's account, and what its orders still owe.

    ``about`` completes what ``orders`` leave out, where one of ours was asked about. With
    ``adopt``, an order that is not ours becomes an external one. What was ``streamed`` may have
    overtaken the answer to its order. What cannot be fetched now stays owing: the order is not
    final and is asked again.
    """
    owing = await _book(
        session,
        orders=orders,
        trades=trades,
        fundings=fundings,
        about=about,
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
            placed = await fetch_order(session, symbol, exchange_order_id=exchange_order_id)
            for owed in await _book(session, orders=[placed], streamed=streamed):
                if not owed.is_unseen:
                    await _book_owed(session, owed, streamed=streamed)
            return
        fetched = await fetch_order_trades(session, symbol, exchange_order_id)
    except CallFailed as failure:
        log.warning("booking.not_fetched", extra={"order_id": owing.order_id} | failure.details)
        return
    await _book(session, trades=fetched, streamed=streamed)


async def _book(
    session: Session,
    *,
    orders: Sequence[CcxtStructure] = (),
    trades: Sequence[CcxtStructure] = (),
    **facts: Any,
) -> list[Owing]:
    """Book, with what fees in third currencies were worth, which only the exchange can tell."""
    rates = await fee_rates.of_fees(session, orders, trades)
    given = {"orders": orders, "trades": trades, "rates": rates}
    return await db(store_and_apply, session, **given, **facts)


def store_and_apply(
    session: Session,
    *,
    orders: Sequence[CcxtStructure] = (),
    trades: Sequence[CcxtStructure] = (),
    fundings: Sequence[CcxtStructure] = (),
    about: About | None = None,
    adopt: bool = False,
    streamed: bool = False,
    rates: Rates = UNKNOWN,
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
        orders=_legible(evidence.orders, about, session.exchange_id),
        trades=evidence.trades,
        fundings=evidence.fundings,
    )
    for fault in reading.unreadable:
        log.error("booking.unreadable", extra={"account_id": session.account_id, "fault": fault})
    reports = _valued(reading.reports, rates)
    owing = projector.apply(session.account_id, reports, adopt=adopt, streamed=streamed)
    faultpoints.at(Place.BOOKED)
    return owing


def _legible(
    orders: Sequence[CcxtStructure], about: About | None, exchange_id: str
) -> Sequence[Mapping[str, Any]]:
    return [about.legible(order, exchange_id) for order in orders] if about else orders


def _valued(reports: Reports, rates: Rates) -> Reports:
    """The reports with the rates of the fees that they tell."""
    if not rates.found:
        return reports
    return replace(reports, trades=tuple(_rated(trade, rates) for trade in reports.trades))


def _rated(trade: TradeReport, rates: Rates) -> TradeReport:
    quote = trade.symbol.partition("/")[2].partition(":")[0]
    known = {
        currency: rate
        for currency, _ in trade.fees
        if (rate := rates.of(currency, quote, trade.executed_at)) is not None
    }
    return replace(trade, fee_rates=known) if known else trade
