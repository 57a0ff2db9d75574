"""How does a funding payment become deals?

Contract section 6: one deal per position that was open when it was paid, pro rata to its signed
volume then. The report comes later, so the volumes of then are taken from the deals' times.
"""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal

from django.db.models import Q

from positions.engine.funding import Volume, funding_shares
from positions.engine.market import Market
from positions.engine.money import ZERO, exact
from positions.engine.types import CaseKind, DealKind, Reason, Side
from positions.models import Deal, Funding, JournalEntry, JournalKind, Position
from positions.outbox import HeldLane
from positions.projector.booking.deals import write_deal
from positions.projector.booking.holdings import tell_position
from positions.projector.cases import open_case
from positions.projector.journal import record
from positions.querysets import LIVE_POSITION_STATES
from positions.reports import FundingReport


@exact
def book_payment(lane: HeldLane, report: FundingReport, market: Market) -> None:
    """Book a payment once: a journal entry, and a deal for each position that has a share.

    Where nothing was open, or all netted to zero, or it was paid in another currency than the
    positions' profit, nobody has a share and the money that moved is a case.
    """
    known = Funding.objects.filter(
        account_id=lane.account_id,
        symbol=report.symbol,
        exchange_funding_id=report.exchange_funding_id,
    )
    if known.exists():
        return
    volumes: list[Volume] = []
    if report.currency == market.profit_currency:
        volumes = _volumes_at(lane.account_id, report.symbol, report.paid_at)
    entry = record(
        lane,
        JournalKind.FUNDING,
        symbol=report.symbol,
        exchange_funding_id=report.exchange_funding_id,
        amount=report.amount,
        currency=report.currency,
        paid_at=report.paid_at,
        volumes=[[volume.position_id, volume.qty] for volume in volumes],
    )
    Funding.objects.create(
        account_id=lane.account_id,
        symbol=report.symbol,
        exchange_funding_id=report.exchange_funding_id,
        amount=report.amount,
        currency=report.currency,
        paid_at=report.paid_at,
        booking_no=entry.booking_no,
        created_at=lane.now,
    )
    shares = funding_shares(report.amount, volumes)
    positions = Position.objects.in_bulk([share.position_id for share in shares])
    for share in shares:
        _pay(lane, positions[share.position_id], share.amount, report)
    if report.amount and not shares:
        _open_funding_case(lane, report, volumes)


def _volumes_at(account_id: int, symbol: str, time: datetime) -> list[Volume]:
    """The signed volumes of the positions that were open then, by id: now, less what came later."""
    mine = Position.objects.standing().filter(account_id=account_id, symbol=symbol)
    open_then = Q(state__in=LIVE_POSITION_STATES) | Q(closed_at__gt=time)
    volumes = {row.pk: row.holding.signed_qty for row in mine.filter(open_then).order_by("id")}
    changes: defaultdict[int, Decimal] = defaultdict(Decimal)
    later = Deal.objects.live().filter(account_id=account_id, symbol=symbol, executed_at__gt=time)
    columns = later.exclude(entry=None).values_list("position_id", "side", "qty", "base_fee")
    for position_id, side, qty, base_fee in columns.iterator():
        changes[position_id] += Side(side).sign * qty - base_fee
    merges = JournalEntry.objects.filter(
        account_id=account_id, kind=JournalKind.MERGE, created_at__gt=time
    )
    for facts in merges.values_list("facts", flat=True):
        moved = Side(facts["side"]).sign * Decimal(facts["qty"])
        changes[facts["source_position_id"]] -= moved
        changes[facts["target_position_id"]] += moved
    then = ((number, qty - changes[number]) for number, qty in volumes.items())
    return [Volume(number, qty) for number, qty in then if qty]


def _pay(lane: HeldLane, position: Position, amount: Decimal, report: FundingReport) -> None:
    position.profit += amount
    position.updated_at = lane.now
    position.save(update_fields=["profit", "updated_at"])
    write_deal(
        lane,
        position,
        side=position.side,
        qty=ZERO,
        kind=DealKind.FUNDING,
        profit=amount,
        profit_currency=report.currency,
        reason=Reason.FUNDING,
        exchange_trade_id=report.exchange_funding_id,
        executed_at=report.paid_at,
    )
    tell_position(lane, "position_updated", position)


def _open_funding_case(lane: HeldLane, report: FundingReport, volumes: list[Volume]) -> None:
    open_case(
        lane,
        CaseKind.FUNDING,
        f"funding {report.exchange_funding_id}",
        symbol=report.symbol,
        facts={
            "amount": report.amount,
            "currency": report.currency,
            "paid_at": report.paid_at,
            "open_then": [[volume.position_id, volume.qty] for volume in volumes],
        },
        proposal="Money moved that no position explains: look for missing fills of that time.",
    )
