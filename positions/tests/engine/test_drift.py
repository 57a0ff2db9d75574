"""Differences between our books and the exchange are found, named, and never invented."""

from decimal import Decimal

from positions.engine.drift import (
    Difference,
    Finding,
    compare_balances,
    compare_positions,
)

D = Decimal


def test_equal_books_have_no_findings_and_zero_equals_absent():
    assert compare_positions({"A": D("1.0"), "B": D(0)}, {"A": D(1)}) == ()


def test_a_difference_names_both_sides_of_it():
    assert compare_positions({"A": D(1)}, {"A": D(2), "B": D(-1)}) == (
        Difference(Finding.POSITION, "A", D(1), D(2)),
        Difference(Finding.POSITION, "B", D(0), D(-1)),
    )
    assert compare_balances({"BTC": D(1)}, {}) == (Difference(Finding.BALANCE, "BTC", D(1), D(0)),)


def test_a_balance_may_be_off_by_what_the_exchange_rounds():
    ours, venue = {"USDT": D("1.000000015")}, {"USDT": D(1)}

    assert compare_balances(ours, venue, {"USDT": D("2e-8")}) == ()
    assert compare_balances(ours, venue, {"USDT": D("1e-8"), "BTC": D(1)}) != ()


def test_could_not_ask_is_never_nothing_there():
    assert compare_positions({"A": D(1)}, None) == ()
    assert compare_balances({"BTC": D(1)}, None) == ()


def test_differences_are_the_same_within_what_the_exchange_rounds():
    within = {"USDT": D("0.1")}
    ((first,), (near,), (far,)) = (
        compare_balances({"USDT": D(1)}, {"USDT": D(venue)}, within)
        for venue in ("5", "5.2", "5.21")
    )

    assert (first.amount, first.within) == (D(4), D("0.1"))
    assert first.is_same(near)
    assert not first.is_same(far)
    assert not first.is_same(compare_positions({"USDT": D(1)}, {"USDT": D(5)})[0])
    assert Difference(Finding.ORDER_UNKNOWN, "1", None, None).amount == 0
