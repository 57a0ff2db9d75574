"""Closes and reduce-only orders follow their position, whatever made it smaller."""

from decimal import Decimal

import pytest

from accounts.words import Role
from oms_project.errors import OrderRejected, PositionCloseInProgress
from positions import projector
from positions.engine.types import OrderStatus, OrderType
from positions.models import Case, Order
from positions.tests.fakes import LINEAR, SPOT

D = Decimal
CANCELED, SUBMITTED, FILLED = OrderStatus.CANCELED, OrderStatus.SUBMITTED, OrderStatus.FILLED
REFUSAL = OrderRejected(exception="InvalidOrder")


@pytest.fixture(params=["amends", "replaces"])
def amends(request, venue):
    """Whether the exchange amends in place; both ways of cutting are tried."""
    venue.change_market(LINEAR, edits_in_place=request.param == "amends")
    return request.param == "amends"


@pytest.fixture
def desk(new_desk, venue):
    """Two strategies on one account."""
    return new_desk(position_mode="strategy_netting")


def resting_close(desk, position, qty=None, price="200"):
    extra = {} if qty is None else {"qty": qty}
    order = desk.close(position, type="limit", price=price, **extra)
    desk.claim()
    desk.report(order, SUBMITTED)
    return desk.fresh(order)


def carry_out(desk, order):
    """The exchange does what it was told about the order."""
    desk.claim()
    while sent := order.instructions.filter(state="sending").order_by("-urgent", "id").first():
        match sent.kind:
            case "edit":
                desk.report(order, SUBMITTED, qty=D(sent.payload["replace"]["qty"]))
            case "cancel":
                desk.report(order, CANCELED, str(desk.leg(order).booked_filled))
            case _:
                desk.report(order, SUBMITTED)
        desk.claim()
    return desk.fresh(order)


def test_a_resting_close_is_cut_to_what_another_order_left(desk, amends):
    position = desk.bought("1")
    close = resting_close(desk, position)

    desk.filled("sell", "0.6")
    cut = carry_out(desk, close)

    assert (cut.status, cut.qty) == ("SUBMITTED", D("0.4"))
    assert cut.note == "Cut from 1 to 0.4: that is left of its position."
    assert "order_changed" in desk.events()
    assert (desk.leg(cut).qty, cut.edit_replace_state) == (
        (D("0.4"), None) if amends else (D("0.4"), "consolidated")
    )


def test_its_last_fill_counts_in_what_it_is_cut_to(desk, amends):
    position = desk.bought("1")
    close = desk.fill(resting_close(desk, position), "0.3", "200")

    desk.filled("sell", "0.5")
    cut = carry_out(desk, close)

    assert (cut.qty, cut.filled_qty) == (D("0.5"), D("0.3"))
    assert desk.fresh(position).qty == D("0.2")


def test_the_newest_is_cut_first_and_then_cancelled(desk, amends):
    position = desk.bought("1")
    older, newer = resting_close(desk, position, "0.5"), resting_close(desk, position, "0.5")

    desk.filled("sell", "0.2")
    newer = carry_out(desk, newer)
    assert (newer.qty, desk.fresh(older).qty) == (D("0.3"), D("0.5"))

    desk.filled("sell", "0.4")
    newer = carry_out(desk, newer)
    older = carry_out(desk, older)

    assert newer.status == "CANCELED"
    assert newer.note == "Cancelled: other closes take what is left of its position."
    assert older.qty == D("0.4")


def test_what_its_position_no_longer_needs_is_cancelled(desk, amends):
    position = desk.bought("1")
    close = resting_close(desk, position)

    desk.filled("sell", "1")
    close = carry_out(desk, close)

    assert (close.status, close.note) == ("CANCELED", "Cancelled: its position is gone.")


@pytest.mark.parametrize("reversal", ["split", "mt5"])
def test_a_reversed_position_leaves_none_of_its_closes(new_desk, reversal, amends):
    desk = new_desk(reversal=reversal)
    close = resting_close(desk, desk.bought("1"))

    desk.filled("sell", "3")
    close = carry_out(desk, close)

    assert close.status == "CANCELED"


def test_a_clients_own_reduce_only_orders_follow_likewise(desk, amends):
    desk.bought("1")
    order = desk.rest("sell", "1", "200", reduce_only=True)

    desk.filled("sell", "0.7")

    assert carry_out(desk, order).qty == D("0.3")


def test_what_only_names_its_position_may_reverse_it_and_is_left_alone(desk, amends):
    position = desk.bought("1")
    order = desk.rest("sell", "3", "200", position_id=position.pk)

    desk.filled("sell", "0.7")

    assert (carry_out(desk, order).qty, desk.fresh(order).note) == (D(3), "")


def test_in_hedge_every_order_that_closes_follows(new_desk, venue, amends):
    desk = new_desk(position_mode="hedge")
    long, short = desk.bought("1"), desk.filled("sell", "0.6").position
    order = desk.rest("sell", "0.4", "200", position_id=long.pk)
    desk.give("close_by", position_id_a=long.pk, position_id_b=short.pk, qty="0.6")
    assert carry_out(desk, order).qty == D("0.4")

    short = desk.filled("sell", "0.1").position
    desk.give("cancel_order", order_id=order.pk)
    assert carry_out(desk, order).status == "CANCELED"
    again = desk.rest("sell", "0.2", "200", position_id=long.pk)
    desk.give("close_by", position_id_a=long.pk, position_id_b=short.pk, qty="0.1")
    fired = desk.send("sell", "0.1", position_id=long.pk)
    desk.fill(fired, "0.2")  # It was larger at the exchange.

    assert carry_out(desk, again).qty == D("0.1")


def test_what_a_reassign_takes_from_its_position_is_cancelled(desk, amends):
    desk.bought("1")
    order = desk.rest("sell", "1", "200", reduce_only=True)

    desk.reassign(order, to=desk.strategy().pk, caller=desk.caller_with(Role.ADMIN), override=True)

    assert carry_out(desk, order).status == "CANCELED"


def test_a_forced_close_cuts_what_rests(desk, amends):
    position = desk.bought("1")
    close = resting_close(desk, position)

    desk.liquidate("sell", "0.5")

    assert carry_out(desk, close).qty == D("0.5")


def test_on_spot_a_resting_sell_follows_too(new_desk):
    desk = new_desk(SPOT)
    close = resting_close(desk, desk.bought("1"), "0.6")

    desk.filled("sell", "0.3")
    desk.filled("sell", "0.1")

    assert desk.fresh(close).qty == D("0.6")  # Sells promise what is held: it fits still.
    assert desk.positions()[0].qty == D("0.6")


def test_a_remainder_too_small_to_order_is_cancelled(desk, amends, venue):
    venue.change_market(LINEAR, min_amount=D("0.1"))
    close = resting_close(desk, desk.bought("1"))

    desk.filled("sell", "0.95")

    assert carry_out(desk, close).status == "CANCELED"


def test_where_the_exchange_is_not_told_reduce_only_its_minimum_value_counts(desk, venue):
    venue.change_market(LINEAR, edits_in_place=True, min_cost=D(50))
    desk.filled("sell", "1", strategy_id=desk.strategy().pk)
    close = resting_close(desk, desk.bought("1"))
    assert not desk.leg(close).reduce_only

    desk.filled("sell", "0.9")

    assert carry_out(desk, close).status == "CANCELED"


def test_a_close_that_has_not_left_is_cut_here(desk, venue):
    position = desk.bought("1")
    sell = desk.send("sell", "0.6")
    desk.claim()
    close = desk.close(position)
    desk.report(sell, FILLED, "0.6", trades=[desk.trade(sell, "0.6")])

    cut = desk.fresh(close)
    assert (cut.qty, desk.leg(cut).qty) == (D("0.4"), D("0.4"))
    assert len(desk.instructions(cut)) == 1


def test_what_is_on_the_wire_is_cut_once_its_answer_is_there(desk, amends):
    position = desk.bought("1")
    close = desk.close(position, type="limit", price="200")
    desk.claim()
    desk.filled("sell", "0.6")
    assert [each.kind for each in desk.instructions(close)] == ["create"]

    desk.report(close, SUBMITTED)

    assert carry_out(desk, close).qty == D("0.4")


def test_where_the_exchange_refuses_the_cut_the_order_is_cancelled(desk, venue):
    venue.change_market(LINEAR, edits_in_place=True)
    close = resting_close(desk, desk.bought("1"))
    desk.filled("sell", "0.6")
    cut = desk.claim_one()
    projector.refuse(cut.instruction.pk, cut.fence, REFUSAL)

    cancel = desk.claim_one()
    assert (cancel.kind, cancel.instruction.urgent) == ("cancel", True)
    desk.report(close, CANCELED)

    assert desk.fresh(close).status == "CANCELED"


def test_a_refused_cancel_is_asked_again_after_a_pause(desk, venue):
    close = resting_close(desk, desk.bought("1"))
    desk.filled("sell", "1")
    first = desk.claim_one()
    projector.refuse(first.instruction.pk, first.fence, REFUSAL)

    second = desk.instructions(close)[-1]
    assert (second.kind, second.state) == ("cancel", "pending")
    assert second.not_before is not None
    assert desk.claim() == []


def test_a_change_on_its_way_is_made_to_lead_to_less(desk, venue):
    close = resting_close(desk, desk.bought("1"))
    desk.give("change_order", order_id=close.pk, new_price="210")
    desk.filled("sell", "0.6")

    moved = carry_out(desk, close)

    assert (moved.qty, moved.price) == (D("0.4"), D(210))


def test_a_position_that_shrinks_twice_is_followed_twice(desk, amends):
    close = resting_close(desk, desk.bought("1"))
    desk.filled("sell", "0.2")
    desk.filled("sell", "0.3")

    assert carry_out(desk, close).qty == D("0.5")


def test_what_filled_beyond_the_position_is_a_case(desk, amends):
    position = desk.bought("1")
    close = resting_close(desk, position)
    desk.filled("sell", "0.6")

    desk.fill(close, "1", "200")  # It was filled before the cut came.

    case = Case.objects.get(kind="over_close")
    (short,) = desk.positions()
    assert (short.side, short.qty, short.reason) == ("sell", D("0.6"), "correction")
    assert (case.position_id, case.order_id, case.facts["excess_qty"]) == (
        short.pk,
        close.pk,
        "0.6",
    )


@pytest.mark.parametrize(("held", "left"), [("sell", "1.4"), ("buy", "0.6")])
def test_a_close_that_comes_when_its_position_has_turned_is_a_case(new_desk, held, left, venue):
    desk = new_desk(reversal="mt5")
    close = resting_close(desk, desk.bought("1"))
    if held == "sell":
        desk.filled("sell", "1.4")
    else:
        desk.filled("sell", "0.6")

    desk.fill(close, "1", "200")

    case = Case.objects.get(kind="over_close")
    (turned,) = desk.positions()
    assert (turned.side, turned.qty) == ("sell", D(left))
    assert case.facts["excess_qty"] == ("1" if held == "sell" else "0.6")


def test_an_order_that_the_exchange_cut_is_over_with_what_it_filled(desk, venue):
    close = resting_close(desk, desk.bought("1"))
    trade = desk.trade(close, "0.4", "200")

    desk.report(close, FILLED, "0.4", trades=[trade], qty=D("0.4"))

    over = desk.fresh(close)
    assert (over.status, over.filled_qty, over.qty) == ("CANCELED", D("0.4"), D(1))
    assert over.note == "The exchange cut it to 0.4."


def test_a_stop_and_a_take_profit_share_the_volume_where_the_exchange_caps_them(desk, venue):
    venue.add_types(LINEAR, OrderType.STOP, OrderType.TAKE_PROFIT)
    desk.bought("1")
    stop = {"type": "stop", "trigger_price": "90", "reduce_only": True}
    profit = {"type": "take_profit", "trigger_price": "120", "reduce_only": True}
    desk.send("sell", "1", **stop)
    desk.send("sell", "1", **profit)
    with pytest.raises(PositionCloseInProgress):
        desk.send("sell", "1", **stop)

    assert Order.objects.open().count() == 2


def test_where_the_exchange_caps_nothing_the_second_is_refused(desk, venue):
    venue.add_types(LINEAR, OrderType.STOP, OrderType.TAKE_PROFIT)
    desk.filled("sell", "1", strategy_id=desk.strategy().pk)
    desk.bought("1")
    desk.send("sell", "1", type="stop", trigger_price="90", reduce_only=True)

    with pytest.raises(PositionCloseInProgress) as refusal:
        desk.send("sell", "1", type="take_profit", trigger_price="120", reduce_only=True)

    assert refusal.value.details["instead"] == ["stop_loss", "stop_gain"]


def test_a_close_given_again_beside_one_in_doubt_is_left_alone(desk, venue):
    position = desk.bought("1")
    lost = desk.close(position)
    claim = desk.claim_one()
    projector.mark_unknown(claim.instruction.pk, claim.fence)

    again = desk.close(position, comment="again", caller=desk.caller_with(Role.RISK))
    # The exchange caps it.

    assert (again.status, again.qty) == ("PENDING_SUBMIT", D(1))
    assert desk.fresh(lost).status == "UNKNOWN"


def test_a_replacement_is_told_reduce_only_by_the_net_of_its_own_day(desk, venue):
    close = resting_close(desk, desk.bought("1"))
    assert desk.leg(close).reduce_only
    desk.filled("sell", "1", strategy_id=desk.strategy().pk)

    desk.give("change_order", order_id=close.pk, new_price="210")

    assert not desk.leg(carry_out(desk, close)).reduce_only


# --- closed elsewhere -------------------------------------------------------------------------


def test_a_bare_close_is_cut_to_what_a_hand_trade_leaves_of_the_net(desk, amends):
    position = desk.bought("1")
    desk.filled("sell", "0.2", strategy_id=desk.strategy().pk)  # No reduce-only for 1 at a net 0.8.
    close = resting_close(desk, position)
    bare = not desk.leg(close).reduce_only

    desk.external("sell", "0.3")
    cut = carry_out(desk, close)

    assert bare
    assert (cut.status, cut.qty) == ("SUBMITTED", D("0.5"))
    assert cut.note.startswith("Cut from 1 to 0.5: an order that nobody here gave")


def test_a_bare_close_is_cancelled_where_a_hand_trade_took_all_of_the_net(desk):
    position = desk.bought("1")
    desk.filled("sell", "0.2", strategy_id=desk.strategy().pk)
    close = resting_close(desk, position)

    desk.external("sell", "1")
    cancelled = carry_out(desk, close)

    assert (cancelled.status, cancelled.filled_qty) == ("CANCELED", 0)
    assert "nobody here gave" in cancelled.note
    assert desk.fresh(position).qty == 1


def test_a_close_that_the_exchange_caps_rests_on_beside_a_hand_trade(new_desk):
    desk = new_desk()  # Netting: always told reduce-only.
    close = resting_close(desk, desk.bought("1"))

    desk.external("sell", "1")

    assert desk.leg(close).reduce_only
    assert desk.fresh(close).status == "SUBMITTED"
    assert not close.instructions.exclude(state="settled").exists()


def test_on_spot_a_hand_trade_cuts_nothing_that_is_held(new_desk):
    desk = new_desk(SPOT, position_mode="hedge")
    close = resting_close(desk, desk.bought("1", "100"))
    before = desk.fresh(close).qty

    desk.external("sell", "0.3")

    assert desk.fresh(close).qty == before
