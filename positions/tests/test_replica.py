"""Every service tells its subscribers everything: snapshot + events = new snapshot."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.words import Role
from oms_project.errors import OrderRejected
from positions import commands, ports, projector
from positions.engine.types import OrderStatus
from positions.models import Order
from positions.services.accept import KINDS
from positions.tests.desk import Desk
from positions.tests.guarded import Guarded
from positions.tests.replica import told_completely

Act = Callable[[Desk], Any]


def taken(desk: Desk) -> tuple[int, int]:
    """The only instruction that waits, claimed: its id and its fence."""
    claim = desk.claim_one()
    return claim.instruction.pk, claim.fence


# --- what clients ask for ---


def send_and_fill(desk: Desk) -> None:
    order = desk.rest(qty="3")
    desk.fill(order, "1", "99", fee="0.1", fee_currency="USDT")
    desk.fill(order, "2", "98")


def send_across_zero(desk: Desk) -> None:
    desk.bought("1", "100")
    desk.filled("sell", "3", "110")


def send_and_miss(desk: Desk) -> None:
    order = desk.rest()
    desk.report(order, OrderStatus.EXPIRED)


def cancel(desk: Desk) -> None:
    unsent, resting = desk.send(price="90"), desk.rest()
    desk.give("cancel_order", order_ids=[unsent.pk, resting.pk])
    desk.claim()
    desk.report(resting, OrderStatus.CANCELED)


def cancel_all(desk: Desk) -> None:
    orders = [desk.rest(), desk.rest()]
    desk.give("cancel_all_orders")
    desk.claim()
    for order in orders:
        desk.report(order, OrderStatus.CANCELED)


def replace(desk: Desk) -> None:
    order = desk.rest(qty="2")
    desk.give("change_order", order_id=order.pk, new_price="101", new_qty="3")
    desk.claim()
    desk.report(order, OrderStatus.CANCELED, "0.5", trades=[desk.trade(order, "0.5")])
    desk.claim()
    desk.report(order, OrderStatus.SUBMITTED)


def replace_in_vain(desk: Desk) -> None:
    order = desk.rest(qty="2")
    desk.give("change_order", order_id=order.pk, new_price="101")
    desk.claim()
    desk.report(order, OrderStatus.CANCELED)
    projector.refuse(*taken(desk), OrderRejected(exception="InvalidOrder"))


def close(desk: Desk) -> None:
    position = desk.bought("2")
    desk.fill(desk.close(position, qty="1"), "1", "120")
    desk.fill(desk.close(desk.fresh(position)), "1", "120")


def close_and_cancel(desk: Desk) -> None:
    order = desk.close(desk.bought("2"), order_type="limit", price="150")
    desk.give("cancel_order", order_id=order.pk)


def close_all(desk: Desk) -> None:
    """One close waits for the one that rests, the other goes at once."""
    waiting = desk.bought("2")
    resting = desk.close(waiting, qty="1", order_type="limit", price="150")
    desk.claim()
    desk.report(resting, OrderStatus.SUBMITTED)
    given = desk.give("close_all_positions")
    desk.claim()
    desk.report(resting, OrderStatus.CANCELED)
    given.refresh_from_db()
    for order in Order.objects.filter(pk__in=given.order_ids):
        desk.fill(order, str(order.qty), "120")


def close_by(desk: Desk) -> None:
    long, short = desk.bought("2", "100"), desk.filled("sell", "1", "110").position
    desk.give("close_by", position_id_a=long.pk, position_id_b=short.pk)


def merge(desk: Desk) -> None:
    source, target = desk.bought("1", "100"), desk.bought("3", "110")
    desk.rest(qty="1")
    desk.give("merge_positions", source_position_id=source.pk, target_position_id=target.pk)


def guard(desk: Desk) -> None:
    """Stops come, are changed, follow a partial close and go with the position."""
    ports.exchange().prices[desk.symbol] = Decimal(100)
    position = desk.bought("2", "100")
    for stops in ({"stop_loss": "90", "stop_gain": "120"}, {"stop_gain": None, "comment": "mine"}):
        desk.give("position_change", position_id=position.pk, **stops)
        desk.claim()
    for qty in ("1", None):
        closing = desk.close(desk.fresh(position), **({"qty": qty} if qty else {}))
        desk.fill(closing, "1", "101")
        desk.claim()


HEDGED = {"position_mode": "hedge"}
ACTS: dict[type, list[tuple[Act, dict[str, str]]]] = {
    commands.SendOrder: [
        (send_and_fill, {}),
        (send_and_fill, HEDGED),
        (send_across_zero, {}),
        (send_across_zero, {"reversal": "mt5"}),
        (send_and_miss, {}),
    ],
    commands.CancelOrder: [(cancel, {})],
    commands.CancelAllOrders: [(cancel_all, {})],
    commands.ChangeOrder: [(replace, {}), (replace_in_vain, {})],
    commands.ClosePosition: [(close, {}), (close, HEDGED), (close_and_cancel, {})],
    commands.CloseAllPositions: [(close_all, {}), (close_all, HEDGED)],
    commands.CloseBy: [(close_by, HEDGED)],
    commands.MergePositions: [(merge, HEDGED)],
    commands.PositionChange: [(guard, {}), (guard, HEDGED)],
}


@pytest.mark.parametrize(
    ("act", "account"),
    [pytest.param(*act, id=act[0].__name__) for kind in ACTS.values() for act in kind],
)
def test_a_command_tells_everything(act, account, new_desk):
    desk = new_desk(**account)

    with told_completely(desk):
        act(desk)

    assert desk.events()


def test_every_command_is_among_them():
    assert set(ACTS) == set(KINDS)


# --- what happens by itself ---


@pytest.mark.parametrize("mode", ["netting", "hedge"])
def test_stops_that_move_and_fire_are_told(mode, desk):
    guarded = Guarded(position_mode=mode)

    with told_completely(guarded):
        position = guarded.held("2", stop_gain="120")
        guarded.close(position, qty="1")
        guarded.carry_on()
        guarded.hear("121")
        guarded.carry_on()
        guarded.hear("89")
        guarded.carry_on()

    assert guarded.events()


# --- what exchanges say ---


def take_up(desk: Desk) -> None:
    desk.send()
    desk.claim()


def doubt_and_adopt(desk: Desk) -> None:
    order = desk.send(price="90")
    projector.mark_unknown(*taken(desk))
    desk.report(order, OrderStatus.SUBMITTED)


def find_and_liquidate(desk: Desk) -> None:
    desk.external("buy", "1")
    desk.bought("2")
    desk.liquidate("sell", "1")


def pay_funding(desk: Desk) -> None:
    desk.bought("2")
    desk.pay("-0.5")


def refuse(desk: Desk) -> None:
    desk.send()
    projector.refuse(*taken(desk), OrderRejected(exception="InvalidOrder"))


def send_later(desk: Desk) -> None:
    desk.send()
    projector.not_sent(*taken(desk), retry_at=timezone.now())


def expire(desk: Desk) -> None:
    desk.send()
    projector.expire_overdue(timezone.now() + timedelta(days=1))


def presume(desk: Desk) -> None:
    order = desk.send()
    projector.mark_unknown(*taken(desk))
    projector.presume_rejected(order.pk)


def stop(desk: Desk) -> None:
    desk.send()
    projector.reject_stopped(desk.account.pk)


REPORTS: dict[str, list[Act]] = {
    "apply": [find_and_liquidate, pay_funding],
    "claim": [take_up],
    "expire_overdue": [expire],
    "mark_unknown": [doubt_and_adopt],
    "not_sent": [send_later],
    "presume_rejected": [presume],
    "refuse": [refuse],
    "reject_stopped": [stop],
}


@pytest.mark.parametrize("act", [act for acts in REPORTS.values() for act in acts])
def test_what_is_booked_is_told(act, desk, risk):
    risk.stops = lambda waiting: act is stop

    with told_completely(desk):
        act(desk)

    assert desk.events()


def test_everything_that_books_is_among_them():
    books = {name for name in projector.__all__ if name[0].islower()}

    assert set(REPORTS) == books - {"may_still_be_sent"}


# --- reassign ---


@pytest.mark.parametrize("mode", ["netting", "strategy_netting", "hedge"])
def test_an_assignment_is_told_to_everyone_and_to_its_strategy(mode, new_desk):
    desk = new_desk(position_mode=mode)
    own = desk.strategy().pk
    filled = desk.external("buy", "2")
    resting = desk.adopt(desk.foreign("buy", "3"))

    with told_completely(desk, desk.caller, desk.caller_with(strategies=[own])):
        desk.reassign(filled, resting, to=own)

    assert Order.objects.filter(strategy_id=own).count() == 2


@pytest.mark.parametrize("mode", ["strategy_netting", "hedge"])
def test_who_loses_an_order_to_another_strategy_is_told_too(mode, new_desk):
    desk = new_desk(position_mode=mode)
    before, after = desk.strategy().pk, desk.strategy().pk
    filled = desk.filled("buy", "2", strategy_id=before)
    resting = desk.rest(strategy_id=before)
    viewers = [desk.caller_with(strategies=[each]) for each in (before, after)]
    admin = desk.caller_with(Role.ADMIN)

    with told_completely(desk, desk.caller, *viewers):
        desk.reassign(filled, resting, to=after, caller=admin, override=True)

    assert Order.objects.filter(strategy_id=after).count() == 2


def test_the_helper_finds_what_was_not_told(desk):
    position = desk.bought("1")

    def change_in_silence() -> None:
        with told_completely(desk):
            type(position).objects.update(comment="nobody was told")

    with pytest.raises(AssertionError):
        change_in_silence()
