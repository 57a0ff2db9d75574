"""Orders go to another strategy with all that they did: one position per symbol."""

from decimal import Decimal

from accounts.words import Role
from positions import projector
from positions.models import Deal, Dust, Event, JournalEntry, Position
from positions.reports import Reports
from positions.tests.fakes import SPOT
from positions.tests.ledger.checking import differences
from positions.tests.services.reassign.conftest import booked


def test_an_external_order_joins_the_accounts_position(desk):
    own = desk.bought("1", "100")
    order = desk.external("sell", "2", "105")
    strategy = desk.strategy().pk

    answer = desk.reassign(order, to=strategy)

    after = desk.fresh(order)
    assert booked(desk) == [
        ("in", 1, 0, own.pk),
        ("out", 1, 5, own.pk),
        ("in", 1, 0, order.position_id),
    ]
    assert (after.strategy_id, after.reconciled) == (strategy, True)
    assert {deal.reconciled for deal in desk.deals()} == {True}
    assert {key: answer[key] for key in ("orders_updated", "deals_relinked", "preview")} == {
        "orders_updated": 1,
        "deals_relinked": 2,
        "preview": False,
    }
    assert differences(desk) == []


def test_a_position_keeps_its_id_while_its_opening_order_is_the_same(desk):
    order = desk.external("sell", "2")

    desk.reassign(order, to=0)

    position = desk.fresh(order).position
    assert position.pk == order.position_id
    assert (position.is_external, position.superseded_by) == (False, None)


def test_a_position_left_without_deals_is_gone_from_the_lists(desk):
    own = desk.bought("3")
    order = desk.external("sell", "2", "105")
    dedicated = order.position

    desk.reassign(order, to=0)

    gone = desk.fresh(dedicated)
    assert (gone.state, gone.qty, gone.profit) == ("closed", 0, 0)
    assert gone.superseded_by == JournalEntry.objects.get().booking_no
    assert not Position.objects.history().exists()
    assert desk.fresh(order).position == own
    assert desk.fresh(order).previous_position_id == dedicated.pk
    assert differences(desk) == []


def test_what_came_later_is_booked_anew_in_the_order_of_its_time(desk):
    """The external sell came between two buys: the second one covered a short."""
    desk.bought("1", "100")
    order = desk.external("sell", "2", "110")
    desk.bought("3", "104")
    before = Deal.objects.count()

    desk.reassign(order, to=0)

    assert [(entry, qty, profit) for entry, qty, profit, _ in booked(desk)] == [
        ("in", 1, 0),
        ("out", 1, 10),
        ("in", 1, 0),
        ("out", 1, 6),
        ("in", 2, 0),
    ]
    assert [deal.booking_no for deal in desk.deals()] == [1, 5, 6, 7, 8]
    assert Deal.objects.count() == before + 4
    assert differences(desk) == []


def test_one_found_late_takes_its_place_in_time(desk):
    """The exchange executed it first; it was found when the books had gone on."""
    found_late = desk.foreign("sell", "1", ("1", "90"))
    desk.bought("1", "100")
    desk.bought("1", "120")
    order = desk.adopt(found_late)

    desk.reassign(order, to=0)

    assert [(entry, profit) for entry, _, profit, _ in booked(desk)] == [
        ("in", 0),
        ("out", -10),
        ("in", 0),
    ]
    assert differences(desk) == []


def test_the_deals_say_what_replaced_them_and_where_they_were(desk):
    desk.bought("1")
    order = desk.external("sell", "1", "105")

    desk.reassign(order, to=0)

    (old,) = desk.superseded()
    new = desk.deals()[-1]
    entry = JournalEntry.objects.get()
    assert (entry.kind, old.superseded_by) == ("reassign", entry.booking_no)
    assert new.booking_no == entry.booking_no + 1
    assert new.previous_position_id == old.position_id
    assert (new.execution_id, new.executed_at) == (old.execution_id, old.executed_at)


def test_it_is_told(desk):
    desk.bought("1")
    order = desk.external("sell", "1", "105")
    told = Event.objects.count()

    desk.reassign(order, to=0)

    names = list(Event.objects.order_by("seq").values_list("event", flat=True))[told:]
    assert names == [
        "deals_superseded",
        "deal_created",
        "position_closed",
        "position_closed",
        "order_updated",
        "reassigned",
    ]
    assert Event.objects.get(event="reassigned").payload["order_ids"] == [order.pk]


def test_mt5_reversal_keeps_and_gives_back_the_ticket(new_desk):
    desk = new_desk(reversal="mt5")
    own = desk.bought("1", "100")
    order = desk.external("sell", "3", "105")
    later = desk.filled("sell", "1", "107")

    desk.reassign(order, to=0)
    turned = desk.fresh(own)
    boss = desk.caller_with(Role.ADMIN)
    desk.reassign(later, to=0, caller=boss, override=True)

    assert (turned.ticket, turned.side, turned.qty) == (order.pk, "sell", 3)
    assert desk.fresh(own).ticket == order.pk
    assert differences(desk) == []


def test_later_fills_of_the_order_follow_it(desk):
    desk.bought("5")
    order = desk.adopt(desk.foreign("sell", "2", ("1", "105"), name="f1"))
    desk.reassign(order, to=0)

    late = desk.foreign_trade("f1", "sell", "1", "107")
    projector.apply(desk.account.pk, Reports(trades=(late,)))

    assert desk.positions()[0].qty == 3
    assert len(desk.positions()) == 1
    assert differences(desk) == []


def test_an_order_without_fills_is_assigned_and_nothing_is_booked(desk):
    order = desk.adopt(desk.foreign("buy", "1"))
    strategy = desk.strategy().pk

    answer = desk.reassign(order, to=strategy)

    assert (answer["orders_updated"], answer["deals_relinked"]) == (1, 0)
    assert desk.fresh(order).strategy_id == strategy
    assert differences(desk) == []


def test_several_orders_of_several_symbols_go_at_once(desk):
    desk.bought("2")
    first = desk.external("sell", "1", "105")
    desk.symbol = SPOT
    second, third = desk.external("buy", "1", "95"), desk.external("buy", "2", "96")

    answer = desk.reassign(first, second, third, to=0)

    assert answer["orders_updated"] == 3
    assert [item["order_id"] for item in answer["items"]] == [second.pk, third.pk, first.pk]
    assert [(row.symbol, row.qty) for row in desk.positions()] == [(first.symbol, 1), (SPOT, 3)]
    assert differences(desk) == []


def test_on_spot_the_dust_record_is_what_it_would_have_been(new_desk):
    """As a close of a short, a buy's base fee leaves the dust record instead of the volume."""
    desk = new_desk(SPOT, position_mode="strategy_netting")
    one, other = desk.strategy().pk, desk.strategy().pk
    desk.bought("2", strategy_id=one)
    short = desk.filled("sell", "1", "110", strategy_id=other).position
    fee = {"fee": Decimal("0.001"), "fee_currency": "BTC"}
    order = desk.adopt(desk.foreign("buy", "1", ("1", "105"), fees=fee))
    before = order.position.qty

    desk.reassign(order, to=other)

    assert before == Decimal("0.999")
    assert (desk.fresh(short).qty, desk.fresh(short).profit) == (0, 5)
    assert Dust.objects.get().qty == Decimal("-0.001")
    assert differences(desk) == []
