"""How do the triggers follow their positions?

``adjust`` is called at the end of every transaction that touched a symbol: it reads where each
trigger stands, asks the engine where it belongs and which step leads there, and takes it. Asking
again changes nothing. Prices come in by ``prices_seen``, time by ``sweep``.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.utils import timezone

from positions.engine.stops import Watch
from positions.models import Order, Position, Trigger
from positions.outbox import HeldLane, holding
from positions.ports import exchange
from positions.projector.exclusive.close_bys import carry_out_waiting, places_ready
from positions.projector.exclusive.waiting import release_waiting
from positions.projector.protection.scene import Scene
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
    """Remember best prices and fire what is reached, by the rows as they are now.

    Each symbol by itself: one whose stops cannot be moved keeps no other from firing.

    Raises:
        Exception: what went wrong with the last symbol that failed; the others are done.
    """
    failed = _each(prices, lambda symbol: _price_seen(account_id, symbol, prices[symbol]))
    if failed is not None:
        raise failed


def _price_seen(account_id: int, symbol: str, price: Decimal) -> None:
    with holding(account_id) as lane:
        rows = Trigger.objects.filter(
            account_id=account_id, symbol=symbol, state__in=ARMED, reached_at=None
        )
        for row in rows.order_by("id"):
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
    now = now or timezone.now()
    due = Trigger.objects.filter(Q(not_before__lte=now) | Q(place_after__lte=now))
    places = due.order_by().values_list("account_id", "symbol").distinct()
    _each(places, lambda place: _touch(*place))
    _each(places_ready(), lambda place: _touch(*place, fully=True))


def accounts_watching() -> list[int]:
    """Accounts with triggers that wait for a price here."""
    rows = Trigger.objects.filter(state__in=ARMED, reached_at=None)
    return list(rows.order_by().values_list("account_id", flat=True).distinct())


def resume(account_id: int) -> None:
    """After a start: go on with every trigger, also of wishes that no row keeps, and take off the
    exchange what belongs to none.
    """
    symbols = {*Trigger.objects.filter(account_id=account_id).values_list("symbol", flat=True)}
    legs = Order.objects.open().legs().filter(account_id=account_id)
    wishing = Position.objects.open().filter(account_id=account_id).with_stops()
    for others in (legs, wishing):
        symbols |= {*others.order_by().values_list("symbol", flat=True)}
    every = sorted(symbols)
    _each(every, lambda symbol: _touch(account_id, symbol, fully=True))


def _touch(account_id: int, symbol: str, *, fully: bool = False) -> None:
    with holding(account_id) as lane:
        lane.touch(symbol, fully=fully)


def _each(items: Iterable[Any], act: Callable[[Any], None]) -> Exception | None:
    """Act on all of them, whatever happens to one; each failure is logged, the last returned."""
    failed = None
    for item in items:
        try:
            act(item)
        except Exception as failure:
            log.exception("protection.one_failed", extra={"what": str(item)})
            failed = failure
    return failed


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
    carry_out_waiting(lane, rules)
    release_waiting(lane, rules)
    scene.take_steps()
    scene.show()
