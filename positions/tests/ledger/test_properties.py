"""What always holds through the database, whatever is traded, in whatever order it is told.

``OMS_EXAMPLES`` sets how many examples each property is tried with (12).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple

import hypothesis.strategies as st
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings

from accounts.words import Role
from oms_project.errors import OmsError
from positions import ports
from positions.engine.holding import Fill, floating_profit
from positions.engine.money import ZERO, exact_decimals
from positions.engine.types import PositionMode, Reversal, Side
from positions.models import Deal, Execution, Order, Position
from positions.tests.desk import Desk
from positions.tests.engine.ledger import LINEAR, cash_of
from positions.tests.ledger.checking import differences

pytestmark = pytest.mark.django_db
few = settings(
    max_examples=int(os.environ.get("OMS_EXAMPLES", "12")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Trade(NamedTuple):
    """An order that is filled at once; ``whose`` is a strategy, None where nobody here gave it."""

    side: str
    qty: str
    price: str
    whose: int | None


@st.composite
def trades(draw: st.DrawFn, *, strangers: bool = False) -> list[Trade]:
    one = st.builds(
        Trade,
        side=st.sampled_from(["buy", "sell"]),
        qty=st.sampled_from(["0.5", "1", "1.333", "2", "3.007"]),
        price=st.sampled_from(["97.13", "100", "103.7"]),
        whose=st.sampled_from([0, 1, None] if strangers else [0, 1]),
    )
    return draw(st.lists(one, min_size=2, max_size=7))


modes = st.sampled_from(list(PositionMode))
reversals = st.sampled_from(list(Reversal))
marks = st.sampled_from([Decimal("88.8"), Decimal(100), Decimal("131.313")])


@contextmanager
def a_desk(mode: PositionMode, reversal: Reversal) -> Iterator[Desk]:
    """A desk whose rows are gone afterwards: each example starts from nothing."""
    with transaction.atomic():
        desk = Desk(position_mode=mode, reversal=reversal)
        desk.whose = [desk.strategy().pk, desk.strategy().pk]
        ports.exchange().prices[desk.symbol] = Decimal(100)
        yield desk
        transaction.set_rollback(True)


def equity(desk: Desk, mark: Decimal) -> Decimal:
    """Realised and open profit at ``mark``."""
    with exact_decimals():
        realised = sum((deal.profit for deal in desk.deals()), ZERO)
        held = (floating_profit(row.holding, mark, LINEAR) for row in desk.positions())
        return realised + sum(held, ZERO)


def net(desk: Desk) -> Decimal:
    return sum((row.holding.signed_qty for row in desk.positions()), ZERO)


def executed(desk: Desk) -> list[Fill]:
    rows = Execution.objects.filter(account=desk.account)
    return [Fill(Side(row.side), row.qty, row.price) for row in rows]


def each_fill_is_booked_once(desk: Desk) -> bool:
    booked: dict[int, Decimal] = {}
    for deal in Deal.objects.live().filter(account=desk.account).exclude(execution=None):
        booked[deal.execution_id] = booked.get(deal.execution_id, ZERO) + deal.qty
    return booked == dict(Execution.objects.filter(account=desk.account).values_list("id", "qty"))


def told(desk: Desk, given: list[Trade], arrival: list[int]) -> None:
    """Send all orders, then tell their fills in this order of arrival, some of them twice."""
    sent = []
    for trade in given:
        order = desk.send(
            trade.side, trade.qty, price=trade.price, strategy_id=desk.whose[trade.whose or 0]
        )
        sent.append(desk.trade(order, trade.qty, trade.price))
    desk.claim()
    for number in arrival:
        desk.tell(sent[number])


@few
@given(given=trades(), mode=modes, reversal=reversals, mark=marks, data=st.data())
def test_fills_in_any_order_and_told_twice_give_the_same_net_and_cash(
    given, mode, reversal, mark, data
):
    in_time = list(range(len(given)))
    twice = data.draw(st.permutations(in_time + data.draw(st.lists(st.sampled_from(in_time)))))

    with a_desk(mode, reversal) as desk:
        told(desk, given, in_time)
        expected = net(desk), equity(desk, mark)
    with a_desk(mode, reversal) as desk:
        told(desk, given, twice)

        assert (net(desk), equity(desk, mark)) == expected
        assert Execution.objects.filter(account=desk.account).count() == len(given)
        assert each_fill_is_booked_once(desk)
        assert differences(desk) == []


@few
@given(given=trades(strangers=True), mode=modes, reversal=reversals, mark=marks, data=st.data())
def test_reassigns_move_deals_and_neither_net_nor_cash(given, mode, reversal, mark, data):
    with a_desk(mode, reversal) as desk:
        orders = [_filled(desk, trade) for trade in given]
        fills = executed(desk)
        before = net(desk), equity(desk, mark)

        for _ in range(3):
            _reassign(desk, data.draw(st.sampled_from(orders)), data)

            assert (net(desk), equity(desk, mark)) == before
            assert each_fill_is_booked_once(desk)
            assert differences(desk) == []
        with exact_decimals():
            worth = sum((row.holding.signed_qty * mark for row in desk.positions()), ZERO)
            assert equity(desk, mark) == cash_of(fills, LINEAR) + worth


@few
@given(given=trades(strangers=True), mode=modes, reversal=reversals)
def test_what_strategies_and_strangers_hold_is_the_exchanges_net(given, mode, reversal):
    with a_desk(mode, reversal) as desk:
        for trade in given:
            _filled(desk, trade)

        exchange = sum((fill.side.sign * fill.qty for fill in executed(desk)), ZERO)
        assert net(desk) == exchange
        if mode is PositionMode.STRATEGY_NETTING:
            own = [row.strategy_id for row in desk.positions() if not row.is_external]
            assert len(own) == len(set(own))


@few
@given(given=trades(), mark=marks, data=st.data())
def test_closing_by_and_merging_conserve_volume_and_profit(given, mark, data):
    with a_desk(PositionMode.HEDGE, Reversal.SPLIT) as desk:
        for trade in given:
            _filled(desk, trade)
        before = net(desk), equity(desk, mark)

        for one, other in zip(desk.positions()[::2], desk.positions()[1::2], strict=False):
            _join(desk, *data.draw(st.permutations([one, other])))

        assert (net(desk), equity(desk, mark)) == before
        assert differences(desk) == []


@few
@given(given=trades(strangers=True), mode=modes, part=st.sampled_from(["0.4", "1", "2.5"]))
def test_forced_closes_and_funding_lose_nothing(given, mode, part):
    with a_desk(mode, Reversal.SPLIT) as desk:
        for trade in given:
            _filled(desk, trade)
        before = net(desk)
        desk.pay("-1.000000000000000001")
        paid = sum((deal.profit for deal in desk.deals() if deal.kind == "funding"), ZERO)
        forced = desk.liquidate("sell", part, "77.7")

        deals = Deal.objects.live().filter(order=forced)
        assert paid == (Decimal("-1.000000000000000001") if before else ZERO)
        assert sum(deal.qty for deal in deals) == Decimal(part)
        assert net(desk) == before - Decimal(part)
        assert differences(desk) == []


def _filled(desk: Desk, trade: Trade) -> Order:
    if trade.whose is None:
        return desk.external(trade.side, trade.qty, trade.price)
    return desk.filled(trade.side, trade.qty, trade.price, strategy_id=desk.whose[trade.whose])


def _reassign(desk: Desk, order: Order, data: st.DataObject) -> None:
    """Anywhere it may go; what may not is refused and changes nothing."""
    to = data.draw(st.sampled_from([0, *desk.whose]))
    standing = Position.objects.open().filter(
        account=desk.account, strategy_id=to, is_external=False
    )
    named = data.draw(st.sampled_from([0, *standing.values_list("pk", flat=True)]))
    wish: dict[str, Any] = {"target_position_id": named} if named else {}
    boss = desk.caller_with(Role.ADMIN)
    try:
        desk.reassign(order, to=to, caller=boss, override=True, **wish)
    except OmsError as refusal:
        assert refusal.code in ("conflict", "validation_error", "invalid_position_id")


def _join(desk: Desk, one: Position, other: Position) -> None:
    try:
        if one.side == other.side:
            desk.give("merge_positions", source_position_id=one.pk, target_position_id=other.pk)
        else:
            desk.give("close_by", position_id_a=one.pk, position_id_b=other.pk)
    except OmsError:
        return  # Two strategies do not merge.
