"""How do the triggers follow their positions?

``adjust`` is called at the end of every transaction that touched a symbol: it reads where each
trigger stands, asks the engine where it belongs and which step leads there, and takes it. Asking
again changes nothing. Prices come in by ``prices_seen``, time by ``sweep``.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.utils import timezone

from accounts.models import Account
from accounts.words import Protection
from positions.engine.money import ZERO, exact, floor_to_step
from positions.engine.protection import (
    PROTECTIVE,
    Claimant,
    Need,
    Place,
    Step,
    TriggerState,
    plan_places,
    room_of_net,
    step_of,
)
from positions.engine.stops import Watch
from positions.engine.types import (
    CaseKind,
    GroupRole,
    MarketKind,
    OrderStatus,
    OrderType,
    Side,
)
from positions.models import Instruction, InstructionState, Order, Position, Trigger
from positions.outbox import HeldLane, holding
from positions.ports import MarketRules, exchange
from positions.projector.cancelling import request_cancel
from positions.projector.cases import resolve_case, subject_of
from positions.projector.firing import REASONS, fire, open_blocked
from positions.projector.holdings import tell_position
from positions.projector.outcomes import cancel_unsent
from positions.projector.placing import Decided, place
from positions.querysets import LIVE_POSITION_STATES
from positions.volumes import exchange_net, free_of, held_on_spot

log = logging.getLogger(__name__)

ARMED = (TriggerState.WATCHED, TriggerState.PLACING, TriggerState.WITHDRAWING)
CASE_AFTER_FAILURES = 3
RETRY_BLOCKED_AFTER = timedelta(seconds=10)
_LONGEST_PAUSE_S = 60
_DOUBLINGS = 6
_LIVE = (OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED)
_LEG_TYPES = {
    GroupRole.STOP_LOSS: OrderType.STOP,
    GroupRole.TAKE_PROFIT: OrderType.TAKE_PROFIT,
}


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
    scene = _Scene(lane, rules, rows)
    if fully:
        scene.complete()
    scene.settle()
    scene.release_waiting()
    scene.take_steps()
    scene.show()


class _Scene:
    """The triggers of one symbol with everything that decides about them."""

    def __init__(self, lane: HeldLane, rules: MarketRules, rows: list[Trigger]) -> None:
        self._lane = lane
        self._rules = rules
        self._rows = rows
        self._mine = {"account_id": lane.account_id, "symbol": rules.symbol}
        self._positions = Position.objects.in_bulk({row.position_id for row in rows})
        _attach_orders(rows)
        self._seen = {row.pk: _facts(row) for row in rows}

    # --- reading ------------------------------------------------------------------------------

    def complete(self) -> None:
        """A row for every wish, and no leg without a row."""
        wishing = Position.objects.open().filter(**self._mine)
        wishing = wishing.filter(
            Q(stop_loss__isnull=False) | Q(stop_gain__isnull=False) | Q(trailing__isnull=False)
        )
        known = {(row.position_id, row.role) for row in self._rows}
        for position in wishing.exclude(pk__in=self._positions):
            self._positions[position.pk] = position
        for position in self._positions.values():
            for role in PROTECTIVE:
                if _is_wished(position, role) and (position.pk, role) not in known:
                    self._add(position, role)
        self._rows.sort(key=lambda row: (row.position_id, row.role))
        legs = Order.objects.open().legs().filter(**self._mine, cancel_requested_at=None)
        for leg in legs.exclude(pk__in={row.leg_id for row in self._rows} - {None}):
            request_cancel(self._lane, leg)

    def _add(self, position: Position, role: GroupRole) -> None:
        now = self._lane.now
        row = Trigger(
            account_id=self._lane.account_id,
            position=position,
            symbol=position.symbol,
            role=role,
            side=position.side,
            created_at=now,
            updated_at=now,
        )
        _take_wish(row, position, self._mark())
        row.save(force_insert=True)
        self._rows.append(row)
        self._lane.watch_prices()

    def settle(self) -> None:
        """What became of each leg and each close, and whether the wish is another one now."""
        for row in self._rows:
            position = self._positions[row.position_id]
            if row.state == TriggerState.FIRED:
                self._settle_close(row)
            elif row.leg is not None:
                self._settle_leg(row, position)
            if _is_wished(position, GroupRole(row.role)) and _wish(row) != _wish_of(position, row):
                _take_wish(row, position, self._mark())

    def _settle_close(self, row: Trigger) -> None:
        closing = row.closing
        if closing is None or closing.is_open:
            return
        row.state, row.closing = TriggerState.WATCHED, None
        if closing.filled_qty:
            row.failures, row.not_before = 0, None
        else:
            self._fail(row, closing.reject_code or str(closing.status))

    def _settle_leg(self, row: Trigger, position: Position) -> None:
        leg = row.leg
        assert leg is not None
        if not leg.is_open:
            asked = row.state == TriggerState.WITHDRAWING
            row.state, row.leg = TriggerState.WATCHED, None
            if leg.filled_qty:
                row.reached_at = row.reached_at or self._lane.now
                row.failures, row.not_before = 0, None
            elif not asked:
                self._fail(row, leg.reject_code or str(leg.status))
            else:
                row.not_before = None
        elif row.state == TriggerState.PLACING and leg.status in _LIVE:
            row.state = TriggerState.RESTING
            row.failures, row.not_before, row.blind_since = 0, None, None
        elif row.state == TriggerState.WITHDRAWING and leg.cancel_requested_at is None:
            self._ask_again(row, leg)

    def _ask_again(self, row: Trigger, leg: Order) -> None:
        """The cancel was refused and the leg lives on: ask again after a pause."""
        if row.not_before is None:
            self._fail(row, "cancel refused")
        elif row.not_before <= self._lane.now:
            row.not_before = None
            request_cancel(self._lane, leg)

    def _fail(self, row: Trigger, why: str) -> None:
        row.failures += 1
        pause_s = min(2 ** min(row.failures - 1, _DOUBLINGS), _LONGEST_PAUSE_S)
        row.not_before = self._lane.now + timedelta(seconds=pause_s)
        if row.failures >= CASE_AFTER_FAILURES:
            position = self._positions[row.position_id]
            open_blocked(self._lane, row, position, sold=ZERO, why=why)

    def release_waiting(self) -> None:
        """Let go the sells that waited for a leg; where it filled, they sell what it left."""
        waiting = Instruction.objects.filter(
            account_id=self._lane.account_id,
            order__symbol=self._rules.symbol,
            state=InstructionState.PENDING,
            after_order__is_open=False,
        )
        numbers = list(waiting.order_by("id").values_list("pk", flat=True))
        related = ("order", "exchange_order", "after_order", "command")
        for number in numbers:  # Few, if any: the wide row is read only where there is one.
            create = Instruction.objects.select_related(*related).get(pk=number)
            if create.after_order.filled_qty and not self._shrink(create):
                continue
            create.after_order = None
            create.save(update_fields=["after_order"])
            self._lane.wake_exchange()

    @exact
    def _shrink(self, create: Instruction) -> bool:
        """Whether anything is left to sell after a stop that was faster; no more than that."""
        order, leg, rules = create.order, create.exchange_order, self._rules
        left = order.qty
        if order.closes_position and order.position is not None:
            left = min(left, free_of(order.position, except_order=order))
        if order.side == Side.SELL and rules.kind is MarketKind.SPOT:
            held = held_on_spot(self._lane.account_id, rules.base, instead_of=order)
            left = min(left, held)
        left = floor_to_step(max(left, ZERO), rules.amount_step)
        if left <= ZERO or (rules.min_amount is not None and left < rules.min_amount):
            order.note = "The position's stop was faster: nothing is left to close."
            cancel_unsent(self._lane, order, create)
            return False
        if left < order.qty:
            order.qty = leg.qty = left
            order.note = "The position's stop was faster: only what it left is closed."
            order.save(update_fields=["qty", "note"])
            leg.save(update_fields=["qty"])
        return True

    # --- deciding -----------------------------------------------------------------------------

    def take_steps(self) -> None:
        """One step for every trigger that can take one."""
        places = self._places()
        for row in list(self._rows):
            position = self._positions[row.position_id]
            need = self._need(row, position, places[row.position_id])
            match step_of(TriggerState(row.state), need):
                case Step.PLACE:
                    self._place(row, position)
                case Step.WITHDRAW:
                    self._withdraw(row)
                case Step.FIRE:
                    self._fire(row, position)
                case Step.DROP:
                    self._drop(row, position)
                case Step.STAY:
                    pass

    def _places(self) -> dict[int, Place]:
        by_position: dict[int, list[Trigger]] = {}
        for row in self._rows:
            by_position.setdefault(row.position_id, []).append(row)
        claimants = [
            self._claimant(self._positions[position_id], rows)
            for position_id, rows in sorted(by_position.items())
        ]
        if not any(each.may_rest for each in claimants):
            return dict.fromkeys(by_position, Place.OMS)
        return plan_places(claimants, room=self._room())

    def _claimant(self, position: Position, rows: list[Trigger]) -> Claimant:
        legs = [row.leg for row in rows if row.leg is not None and row.leg.is_open]
        closing_side = Side(position.side).opposite
        fires = any(row.reached_at or row.state == TriggerState.FIRED for row in rows)
        return Claimant(
            position_id=position.pk,
            side=Side(position.side),
            qty=self._leg_qty(position),
            resting=max(
                (leg.qty - leg.filled_qty for leg in legs if leg.side == closing_side),
                default=ZERO,
            ),
            may_rest=not fires and any(self._may_rest(row, position) for row in rows),
        )

    def _may_rest(self, row: Trigger, position: Position) -> bool:
        """Whether the exchange could have this trigger at all."""
        role, rules = GroupRole(row.role), self._rules
        if not _is_wished(position, role) or row.price is None or row.trailing is not None:
            return False
        if row.leg is None and row.not_before is not None and row.not_before > self._lane.now:
            return False
        if _LEG_TYPES[role] not in rules.order_types or not rules.active:
            return False
        qty = self._leg_qty(position)
        least = rules.min_market_amount or rules.min_amount or ZERO
        most = rules.max_market_amount or rules.max_amount or qty
        if not least <= qty <= most:
            return False
        if rules.kind is not MarketKind.SPOT:
            return True
        return role is GroupRole.STOP_LOSS and position.side == Side.BUY and self._rests_on_spot

    @property
    def _rests_on_spot(self) -> bool:
        if not hasattr(self, "_policy"):
            self._policy = Account.objects.values_list("protection", flat=True).get(
                pk=self._lane.account_id
            )
        return self._policy == Protection.EXCHANGE

    def _room(self) -> dict[Side, Decimal]:
        """How much volume the exchange leaves to triggers: its net, or what is held on spot."""
        if self._rules.kind is not MarketKind.SPOT:
            return room_of_net(exchange_net(self._lane.account_id, self._rules.symbol))
        held = held_on_spot(self._lane.account_id, self._rules.base, legs=False)
        return room_of_net(max(held, ZERO))

    def _leg_qty(self, position: Position) -> Decimal:
        return floor_to_step(position.qty, self._rules.amount_step)

    def _need(self, row: Trigger, position: Position, placed: Place) -> Need:
        if not _is_wished(position, GroupRole(row.role)):
            return Need.GONE
        if row.reached_at is not None:
            return Need.REACHED
        if placed is Place.OMS or not self._may_rest(row, position):
            return Need.WATCH
        return Need.REST if self._fits(row, position) else Need.RENEW

    def _fits(self, row: Trigger, position: Position) -> bool:
        leg = row.leg
        if leg is None:
            return True
        wanted = Side(position.side).opposite, row.price, self._leg_qty(position)
        return (leg.side, leg.trigger_price, leg.qty - leg.filled_qty) == wanted

    # --- acting -------------------------------------------------------------------------------

    def _place(self, row: Trigger, position: Position) -> None:
        role = GroupRole(row.role)
        row.leg = place(
            self._lane,
            Decided(
                symbol=position.symbol,
                side=Side(position.side).opposite,
                order_type=_LEG_TYPES[role],
                qty=self._leg_qty(position),
                trigger_price=row.price,
                strategy_id=position.strategy_id,
                reason=REASONS[role],
                position=position,
                asks_for_all=True,
                reduce_only=True,
                exchange_reduce_only=self._rules.kind is not MarketKind.SPOT,
                group_id=position.ticket,
                group_role=role,
            ),
        )
        row.state, row.not_before = TriggerState.PLACING, None

    def _withdraw(self, row: Trigger) -> None:
        assert row.leg is not None
        row.state = TriggerState.WITHDRAWING
        if row.leg.cancel_requested_at is None:
            request_cancel(self._lane, row.leg)

    def _fire(self, row: Trigger, position: Position) -> None:
        if row.not_before is not None and row.failures and row.not_before > self._lane.now:
            return
        row.not_before = None
        row.closing = fire(self._lane, row, position, self._rules, after=self._in_the_way(row))
        if row.closing is not None:
            row.state = TriggerState.FIRED
        elif position.qty:
            row.not_before = self._lane.now + RETRY_BLOCKED_AFTER

    def _in_the_way(self, row: Trigger) -> Order | None:
        """On spot the position's other leg holds what is to be sold."""
        if self._rules.kind is not MarketKind.SPOT:
            return None
        for other in self._rows:
            leg = other.leg
            same = other.position_id == row.position_id and other.pk != row.pk
            if same and leg is not None and leg.is_open:
                return leg
        return None

    def _drop(self, row: Trigger, position: Position) -> None:
        if row.failures or row.reached_at is not None:
            resolve_case(self._lane, CaseKind.PROTECTION_BLOCKED, subject_of(position))
        self._rows.remove(row)
        row.delete()

    # --- showing ------------------------------------------------------------------------------

    def show(self) -> None:
        """Store what changed, and show on each position who watches what."""
        for row in self._rows:
            if _facts(row) != self._seen.get(row.pk):
                row.updated_at = self._lane.now
                row.save()
                if row.state in ARMED:
                    self._lane.watch_prices()
        for position in self._positions.values():
            shown = self._shown(position)
            if shown == position.protection:
                continue
            position.protection = shown
            position.save(update_fields=["protection"])
            if position.state in LIVE_POSITION_STATES:
                tell_position(self._lane, "position_updated", position)

    def _shown(self, position: Position) -> dict[str, Any] | None:
        if not position.qty:
            return None
        rows = [row for row in self._rows if row.position_id == position.pk]
        return {str(row.role): _row_shown(row) for row in rows} or None

    def _mark(self) -> Decimal | None:
        return exchange().last_price(self._lane.account_id, self._rules.symbol)


def _attach_orders(rows: Iterable[Trigger]) -> None:
    """Read the orders of the rows by one narrow query."""
    numbers = {number for row in rows for number in (row.leg_id, row.closing_id)} - {None}
    orders = Order.objects.in_bulk(numbers) if numbers else {}
    for row in rows:
        row.leg, row.closing = orders.get(row.leg_id), orders.get(row.closing_id)


def _row_shown(row: Trigger) -> dict[str, Any]:
    order_id = row.closing_id if row.state == TriggerState.FIRED else row.leg_id
    shown = {
        "place": str(TriggerState(row.state).place),
        "state": str(row.state),
        "order_id": order_id,
    }
    if row.blind_since is not None:
        shown["blind"] = True
    if row.reached_at is not None:
        shown["reached"] = True
    return shown


def _is_wished(position: Position, role: GroupRole) -> bool:
    """Whether the position is live and wishes a trigger of this role."""
    if not position.qty or position.state not in LIVE_POSITION_STATES:
        return False
    if role is GroupRole.TAKE_PROFIT:
        return position.stop_gain is not None
    return not (position.stop_loss is position.trailing is None)


def _wish(row: Trigger) -> tuple[Any, ...]:
    return row.side, row.price, row.trailing


def _wish_of(position: Position, row: Trigger) -> tuple[Any, ...]:
    if row.role == GroupRole.TAKE_PROFIT:
        return position.side, position.stop_gain, None
    return position.side, position.stop_loss, position.trailing


def _take_wish(row: Trigger, position: Position, mark: Decimal | None) -> None:
    """Another price, distance or side is another trigger: nothing of the old one counts."""
    before = row.side, row.trailing
    row.side, row.price, row.trailing = _wish_of(position, row)
    row.reached_at = None
    row.failures, row.not_before = 0, None
    if row.trailing is None or (row.side, row.trailing) != before:
        row.best_price = None if row.trailing is None else mark


def _facts(row: Trigger) -> tuple[Any, ...]:
    """What of a row may change, to see whether it did."""
    return (
        row.state,
        row.leg_id,
        row.closing_id,
        *_wish(row),
        row.best_price,
        row.reached_at,
        row.blind_since,
        row.failures,
        row.not_before,
    )
