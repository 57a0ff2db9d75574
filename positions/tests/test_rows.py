"""What a row says that its own table does not."""

from decimal import Decimal

import pytest

from accounts.audit import OPERATOR
from accounts.selectors import forget_client_ids
from accounts.services import create_strategy, update_strategy
from positions import rows, selectors
from positions.models import Event, Position
from positions.tests.projector.unclear.unlisted import booked, listed

pytestmark = pytest.mark.django_db


def numbered(desk, number):
    """A strategy with the client's number, and a position of it."""
    made = create_strategy(
        name=f"robot {number}",
        account_ids=[desk.account.pk],
        by=OPERATOR,
        client_strategy_id=number,
    )
    return made, desk.bought("1", strategy_id=made.pk)


def test_a_position_carries_the_clients_number_of_its_strategy(new_desk):
    desk = new_desk(position_mode="strategy_netting")
    _, theirs = numbered(desk, 4711)
    plain = desk.bought("1")

    assert rows.position_row(theirs)["client_strategy_id"] == 4711
    assert rows.position_row(plain)["client_strategy_id"] is None


def test_a_number_that_changes_is_told_anew(new_desk, django_capture_on_commit_callbacks):
    desk = new_desk(position_mode="strategy_netting")
    strategy, position = numbered(desk, 4711)
    rows.position_row(position)

    with django_capture_on_commit_callbacks(execute=True):
        update_strategy(strategy=strategy, changes={"client_strategy_id": 12}, by=OPERATOR)

    assert rows.position_row(position)["client_strategy_id"] == 12


@pytest.mark.parametrize("page_of", [rows.position_rows, selectors.marked_rows])
def test_a_page_asks_once_for_all_numbers(new_desk, django_assert_num_queries, page_of):
    desk = new_desk(position_mode="strategy_netting")
    for number in (7, 8, 9):
        numbered(desk, number)
    page = list(Position.objects.order_by("id"))
    forget_client_ids()

    with django_assert_num_queries(2):  # The other one for fees: none is booked here.
        shown = page_of(page)

    assert [row["client_strategy_id"] for row in shown] == [7, 8, 9]


def fees_of(position):
    """The fees as a page, a page with prices, and one row alone show them."""
    pages = rows.position_rows([position]), selectors.marked_rows([position])
    shown = {page[0]["fees"] for page in pages} | {rows.position_row(position)["fees"]}
    (fees,) = shown
    return fees


def test_fees_that_nobody_told_are_not_known_and_not_zero(desk):
    position = desk.bought("1")

    assert fees_of(position) is None
    assert Event.objects.filter(event="position_opened").get().payload["fees"] is None


def test_fees_of_a_provisional_booking_are_known_once_its_trades_come(desk):
    order = booked(desk)
    before = fees_of(order.position)

    listed(desk, order, "2", fee="0.1", fee_currency="USDT")

    assert (before, fees_of(Position.objects.get())) == (None, "0.1")


@pytest.mark.parametrize(
    ("told", "expected"),
    [(["0"], "0"), ([None, "0.1"], "0.1"), (["0", None], "0"), ([None, None], None)],
    ids=["free of charge", "one of two", "one of two, free", "none of two"],
)
def test_the_fees_that_are_known_are_shown(desk, told, expected):
    order = desk.send(qty=str(len(told)))
    for fee in told:
        desk.fill(order, "1", fee=fee, fee_currency=None if fee is None else "USDT")

    assert fees_of(Position.objects.get()) == expected


def test_each_position_of_a_page_is_judged_by_its_own_deals(new_desk):
    desk = new_desk(position_mode="hedge")
    paid = desk.fill(desk.send(qty="1"), "1", fee="0.5", fee_currency="USDT").position
    free = desk.fill(desk.send(qty="1"), "1", fee="0", fee_currency="USDT").position
    untold = desk.bought("1")

    shown = rows.position_rows([paid, free, untold])

    assert [row["fees"] for row in shown] == ["0.5", "0", None]


def test_a_position_without_a_fill_owes_no_fees(desk):
    assert rows.owing_fees([Position(pk=1, fees=Decimal(0))]) == frozenset()
