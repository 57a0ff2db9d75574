"""More values than may be in memory."""

import pytest

from positions.ledger.shelf import Shelf


def test_a_value_is_found_wherever_it_lies():
    shelf = Shelf(most=4)
    for number in range(100):
        shelf.put(number, [number])

    assert [shelf.get(number) for number in range(100)] == [[number] for number in range(100)]
    assert shelf.get(100) is None
    assert shelf.get(None) is None


def test_a_changed_value_is_the_one_that_is_kept():
    shelf = Shelf(most=4)
    for number in range(20):
        shelf.put(number, [number])
    value = shelf.get(3)
    value.append("more")

    shelf.put(3, value)
    for number in range(20, 40):
        shelf.put(number, [number])

    assert shelf.get(3) == [3, "more"]


@pytest.mark.parametrize("most", [4, 100])
def test_all_values_come_in_order(most):
    shelf = Shelf(most=most)
    for number in (7, -2, 5, 900, 1, 3):
        shelf.put(number, number)

    assert [number for chunk in shelf.chunks() for number in chunk] == [-2, 1, 3, 5, 7, 900]


def test_a_few_values_never_leave_memory():
    shelf = Shelf(most=1000)
    for number in range(5000):
        shelf.put(number, number)

    assert len(shelf._here) <= 1000
