"""Where do the triggers of one symbol stand, where do they belong, and which step leads there?

What the exchange has done is settled first; then the engine's plan and table decide, and every
trigger takes at most one step. Under the account's lane.
"""

from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from accounts.models import Account
from accounts.words import Protection
from positions.engine.money import ZERO, floor_to_step
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
from positions.engine.types import GroupRole, MarketKind, OrderStatus, OrderType, Side
from positions.models import Order, Position, Trigger
from positions.outbox import HeldLane
from positions.ports import MarketRules, exchange
from positions.projector.booking.holdings import tell_position
from positions.projector.exclusive.close_bys import waiting_positions
from positions.projector.hindrances.blocked import (
    UNANSWERED_AFTER,
    is_overdue,
    open_blocked,
    resolve_blocked,
    says_reached,
)
from positions.projector.hindrances.elsewhere import must_reduce_only, open_elsewhere
from positions.projector.orders.cancelling import request_cancel
from positions.projector.orders.placing import Decided, place
from positions.projector.protection.firing import REASONS, fire
from positions.projector.protection.wishes import (
    attach_orders,
    facts_of_row,
    is_wished,
    row_shown,
    take_wish,
    wish,
    wish_of,
)
from positions.projector.protection.worth import warning_of
from positions.querysets import LIVE_POSITION_STATES
from positions.triggers import ARMED
from positions.volumes import exchange_net, held_on_spot

CASE_AFTER_FAILURES = 3
CASE_AFTER_REFUSALS = 2  # One may be due to a net that moved meanwhile.
RETRY_BLOCKED_AFTER = timedelta(seconds=10)
_PAUSE = timedelta(seconds=1)
_LONG_PAUSE = timedelta(seconds=10)
_OFTEN = 60  # Refused this often, a close is tried less often.
_LONGEST_PAUSE_S = 60
_DOUBLINGS = 6
_LIVE = (OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED)
_LEG_TYPES = {
    GroupRole.STOP_LOSS: OrderType.STOP,
    GroupRole.TAKE_PROFIT: OrderType.TAKE_PROFIT,
}


class Scene:
    """The triggers of one symbol with everything that decides about them."""

    def __init__(self, lane: HeldLane, rules: MarketRules, rows: list[Trigger]) -> None:
        self._lane = lane
        self._rules = rules
        self._rows = rows
        self._mine = {"account_id": lane.account_id, "symbol": rules.symbol}
        self._positions = Position.objects.in_bulk({row.position_id for row in rows})
        attach_orders(rows)
        self._seen = {row.pk: facts_of_row(row) for row in rows}

    # --- reading ------------------------------------------------------------------------------

    def complete(self) -> None:
        """A row for every wish, and no leg without a row."""
        wishing = Position.objects.open().with_stops().filter(**self._mine)
        known = {(row.position_id, row.role) for row in self._rows}
        for position in wishing.exclude(pk__in=self._positions):
            self._positions[position.pk] = position
        for position in self._positions.values():
            for role in PROTECTIVE:
                if is_wished(position, role) and (position.pk, role) not in known:
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
        take_wish(row, position, self._mark())
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
            if is_wished(position, GroupRole(row.role)) and wish(row) != wish_of(position, row):
                take_wish(row, position, self._mark())

    def _settle_close(self, row: Trigger) -> None:
        closing = row.closing
        if closing is None or closing.is_open:
            return
        row.state, row.closing = TriggerState.WATCHED, None
        if closing.filled_qty:
            self._recover(row)
        else:
            self._close_failed(row, closing)

    def _close_failed(self, row: Trigger, closing: Order) -> None:
        """Told reduce-only, a refused close may mean that the exchange holds nothing to close."""
        position = self._positions[row.position_id]
        self._fail(row, closing.note or str(closing.status))
        if (
            position.qty
            and closing.status == OrderStatus.REJECTED
            and must_reduce_only(position, self._rules)
        ):
            open_elsewhere(self._lane, row, position, sold=ZERO, why=closing.note)
            row.failures = max(row.failures, CASE_AFTER_FAILURES)

    def _settle_leg(self, row: Trigger, position: Position) -> None:
        leg = row.leg
        assert leg is not None
        if not leg.is_open:
            asked, rested = (
                row.state == state for state in (TriggerState.WITHDRAWING, TriggerState.RESTING)
            )
            row.state, row.leg = TriggerState.WATCHED, None
            if leg.filled_qty or (not asked and says_reached(leg, rested=rested)):
                row.reached_at = row.reached_at or self._lane.now
            if leg.filled_qty or asked:
                self._recover(row)
            else:
                self._came_to_nothing(row, position, leg)
        elif row.state == TriggerState.PLACING and leg.status in _LIVE:
            row.state, row.blind_since = TriggerState.RESTING, None
            self._recover(row)
        elif row.state == TriggerState.WITHDRAWING:
            self._wait_for_end(row, position, leg)

    def _wait_for_end(self, row: Trigger, position: Position, leg: Order) -> None:
        """A refused cancel is asked again after a pause; one without an answer is told of."""
        if leg.cancel_requested_at is None:
            if not row.failures:
                self._fail(row, "the exchange refuses to cancel the stop there")
            elif row.not_before is None or row.not_before <= self._lane.now:
                row.not_before = self._lane.now + _PAUSE
                request_cancel(self._lane, leg)
        elif is_overdue(self._lane, leg) and (row.reached_at or position.pk in self._being_closed):
            why = "the exchange does not say whether the stop there is gone"
            open_blocked(self._lane, row, position, sold=ZERO, why=why, order=leg)
            row.failures = max(row.failures, CASE_AFTER_FAILURES)

    def _recover(self, row: Trigger) -> None:
        if row.failures >= CASE_AFTER_FAILURES or row.refusals >= CASE_AFTER_REFUSALS:
            resolve_blocked(self._lane, self._positions[row.position_id])
        row.failures, row.not_before = 0, None
        row.refusals, row.place_after, row.refusal = 0, None, ""

    def _fail(self, row: Trigger, why: str) -> None:
        """A cancel or a close was refused: try again soon; a person hears of it after a few."""
        row.failures += 1
        often = row.failures <= _OFTEN
        row.not_before = self._lane.now + (_PAUSE if often else _LONG_PAUSE)
        position = self._positions[row.position_id]
        if row.failures >= CASE_AFTER_FAILURES and position.qty:
            open_blocked(self._lane, row, position, sold=ZERO, why=why)

    def _came_to_nothing(self, row: Trigger, position: Position, leg: Order) -> None:
        """A leg was refused, or ended by itself: it is watched here and placed again later.

        Placing has a pause of its own, which holds up no close.
        """
        row.refusals += 1
        row.refusal = leg.note or str(leg.status)
        pause_s = min(2 ** min(row.refusals - 1, _DOUBLINGS), _LONGEST_PAUSE_S)
        row.place_after = self._lane.now + timedelta(seconds=pause_s)
        if row.refusals >= CASE_AFTER_REFUSALS and position.qty:
            why = f"the exchange does not take the stop: {row.refusal}"
            open_blocked(self._lane, row, position, sold=ZERO, why=why, order=leg)

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
            may_rest=not (fires or position.pk in self._being_closed)
            and any(self._may_rest(row, position) for row in rows),
        )

    def _may_rest(self, row: Trigger, position: Position) -> bool:
        """Whether the exchange could have this trigger at all."""
        role, rules = GroupRole(row.role), self._rules
        if not is_wished(position, role) or row.price is None or row.trailing is not None:
            return False
        if row.leg is None and (self._pauses(row) or self._is_beyond(row)):
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

    def _pauses(self, row: Trigger) -> bool:
        return row.place_after is not None and row.place_after > self._lane.now

    def _is_beyond(self, row: Trigger) -> bool:
        """Whether the price has passed the trigger: it is not placed any more, it fires."""
        mark = self._mark()
        return mark is not None and row.watch.is_reached(mark)

    @cached_property
    def _rests_on_spot(self) -> bool:
        """The account's policy."""
        policies = Account.objects.values_list("protection", flat=True)
        return policies.get(pk=self._lane.account_id) == Protection.EXCHANGE

    @cached_property
    def _being_closed(self) -> set[int]:
        """Positions with a close under way or waiting: their stops at the exchange end before it.

        On spot any sell of the position takes the coins that its stop would hold.
        """
        closes = Order.objects.open().without_legs().filter(position__in=self._positions)
        if self._rules.kind is not MarketKind.SPOT:
            closes = closes.filter(closes_position=True)
        elif self._rests_on_spot:
            closes = closes.filter(side=Side.SELL)
        else:
            return set()
        closing = set(closes.values_list("position_id", flat=True))
        return closing | waiting_positions(self._lane.account_id)

    def _room(self) -> dict[Side, Decimal]:
        """How much volume the exchange leaves to triggers: its net, or what is held on spot."""
        if self._rules.kind is not MarketKind.SPOT:
            return room_of_net(exchange_net(self._lane.account_id, self._rules.symbol))
        held = held_on_spot(self._lane.account_id, self._rules.base, legs=False)
        return room_of_net(max(held, ZERO))

    def _leg_qty(self, position: Position) -> Decimal:
        return floor_to_step(position.qty, self._rules.amount_step)

    def _need(self, row: Trigger, position: Position, placed: Place) -> Need:
        if not is_wished(position, GroupRole(row.role)):
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
        row.state, row.place_after = TriggerState.PLACING, None

    def _withdraw(self, row: Trigger) -> None:
        assert row.leg is not None
        row.state = TriggerState.WITHDRAWING
        row.not_before = self._lane.now + UNANSWERED_AFTER  # Then it is looked at again.
        if row.leg.cancel_requested_at is None:
            request_cancel(self._lane, row.leg)

    def _fire(self, row: Trigger, position: Position) -> None:
        if row.not_before is not None and row.failures and row.not_before > self._lane.now:
            return
        row.not_before = None
        row.closing = fire(self._lane, row, position, self._rules)
        if row.closing is not None:
            row.state = TriggerState.FIRED
        elif position.qty:
            pause = _PAUSE if position.unclosable else RETRY_BLOCKED_AFTER
            row.not_before = self._lane.now + pause

    def _drop(self, row: Trigger, position: Position) -> None:
        if row.failures or row.refusals or row.reached_at is not None:
            resolve_blocked(self._lane, position)
        self._rows.remove(row)
        row.delete()

    # --- showing ------------------------------------------------------------------------------

    def show(self) -> None:
        """Store what changed, and show on each position who watches what."""
        for row in self._rows:
            self._forget_pause(row)
            if facts_of_row(row) != self._seen.get(row.pk):
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

    def _forget_pause(self, row: Trigger) -> None:
        """A pause that is over has been used: the sweeper need not come for it again."""
        if row.state != TriggerState.WATCHED:
            return
        for name in ("not_before", "place_after"):
            until = getattr(row, name)
            if until is not None and until <= self._lane.now:
                setattr(row, name, None)

    def _shown(self, position: Position) -> dict[str, Any] | None:
        if not position.qty:
            return None
        rows = [row for row in self._rows if row.position_id == position.pk]
        shown: dict[str, Any] = {str(row.role): row_shown(row) for row in rows}
        qty = self._leg_qty(position)
        for row in rows:
            warning = warning_of(position, self._rules, qty, price=row.watch.level())
            if warning is not None:
                shown["warning"] = {"role": str(row.role)} | warning
        return shown or None

    def _mark(self) -> Decimal | None:
        return exchange().last_price(self._lane.account_id, self._rules.symbol)
