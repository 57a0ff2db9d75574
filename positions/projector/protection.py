"""How do the triggers follow their positions?

``adjust`` is called at the end of every transaction that touched a symbol: it reads where each
trigger stands, asks the engine where it belongs and which step leads there, and takes it. Asking
again changes nothing. Prices come in by ``prices_seen``, time by ``sweep``.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils import timezone

from positions.engine.stops import Watch
from positions.models import Order, Trigger
from positions.outbox import HeldLane, holding
from positions.ports import exchange
from positions.projector.scene import Scene
from positions.projector.waiting import release_waiting
from positions.triggers import ARMED

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Armed:
    """A trigger that the OMS watches, for whoever hears prices."""

    trigger_id: int
    symbol: str
    watch: Watch


def armed(account_id: int) -> list[Armed]:
    """Every trigger of the account that waits for a price here."""
    rows = Trigger.objects.filter(account_id=account_id, state__in=ARMED, reached_at=None)
    return [Armed(row.pk, row.symbol, row.watch) for row in rows.order_by("id")]


def prices_seen(account_id: int, prices: Mapping[str, Decimal]) -> None:
    """Remember best prices and fire what is reached, by the rows as they are now."""
    with holding(account_id) as lane:
        rows = Trigger.objects.filter(
            account_id=account_id, symbol__in=prices, state__in=ARMED, reached_at=None
        )
        for row in rows.order_by("id"):
            price = prices[row.symbol]
            watch = row.watch.after(price)
            reached = watch.is_reached(price)
            if not reached and watch.best == row.best_price and row.blind_since is None:
                continue
            row.best_price, row.blind_since = watch.best, None
            row.reached_at = lane.now if reached else None
            row.updated_at = lane.now
            row.save(update_fields=["best_price", "blind_since", "reached_at", "updated_at"])
            lane.touch(row.symbol)


def prices_missing(account_id: int, symbols: Iterable[str]) -> None:
    """No price of these symbols comes: their triggers are shown blind, and stay armed."""
    with holding(account_id) as lane:
        rows = Trigger.objects.filter(
            account_id=account_id, symbol__in=list(symbols), state__in=ARMED, blind_since=None
        )
        for symbol in sorted(set(rows.values_list("symbol", flat=True))):
            rows.filter(symbol=symbol).update(blind_since=lane.now)
            lane.touch(symbol)


def sweep(now: datetime | None = None) -> None:
    """Try again what was to be tried again by now."""
    due = Trigger.objects.filter(not_before__lte=now or timezone.now())
    for account_id, symbol in due.order_by().values_list("account_id", "symbol").distinct():
        with holding(account_id) as lane:
            lane.touch(symbol)


def accounts_watching() -> list[int]:
    """Accounts with triggers that wait for a price here."""
    rows = Trigger.objects.filter(state__in=ARMED, reached_at=None)
    return list(rows.order_by().values_list("account_id", flat=True).distinct())


def resume(account_id: int) -> None:
    """After a start: go on with every trigger, and take off the exchange what belongs to none."""
    with holding(account_id) as lane:
        symbols = {*Trigger.objects.filter(account_id=account_id).values_list("symbol", flat=True)}
        legs = Order.objects.open().legs().filter(account_id=account_id)
        for symbol in sorted(symbols | {*legs.values_list("symbol", flat=True)}):
            lane.touch(symbol, fully=True)


def adjust(lane: HeldLane, symbol: str, fully: bool) -> None:
    """Bring the triggers of ``symbol`` one step nearer to where they belong.

    ``fully`` also looks for positions whose wishes have no row yet and legs that no row knows.
    """
    rows = list(
        Trigger.objects.filter(account_id=lane.account_id, symbol=symbol).order_by(
            "position_id", "role"
        )
    )
    if not rows and not fully:
        return
    rules = exchange().known_market(lane.account_id, symbol)
    if rules is None:
        log.error("protection.market_unknown", extra={"account_id": lane.account_id})
        return
    scene = Scene(lane, rules, rows)
    if fully:
        scene.complete()
    scene.settle()
    release_waiting(lane, rules)
    scene.take_steps()
    scene.show()
