"""Every difference gets the likeliest reason, and never one that hides another."""

from decimal import Decimal

import pytest

from positions.engine.drift import Difference, Finding
from positions.engine.explaining import Context, explain, unshown
from positions.engine.types import CaseAction, CaseKind

D = Decimal
SWAP = "BTC/USDT:USDT"


def balance(currency: str, ours: str, venue: str) -> Difference:
    return Difference(Finding.BALANCE, currency, D(ours), D(venue))


def position(ours: str, venue: str, symbol: str = SWAP) -> Difference:
    return Difference(Finding.POSITION, symbol, D(ours), D(venue))


def kinds(*differences: Difference, **known) -> list[CaseKind]:
    return [one.kind for one in explain(differences, Context(**known))]


@pytest.mark.parametrize(
    ("difference", "known", "kind", "action"),
    [
        (position("1", "2"), {}, CaseKind.UNEXPLAINED, CaseAction.BOOK_FILL),
        (position("1", "0"), {}, CaseKind.LIQUIDATION, CaseAction.BOOK_FILL),
        (position("1", "2"), {"in_doubt": {SWAP: (7,)}}, CaseKind.MISSING_FILL, CaseAction.NOTE),
        (
            position("1", "1.0004"),
            {"least": {SWAP: D("0.001")}},
            CaseKind.DUST,
            CaseAction.BOOK_FILL,
        ),
        (
            position("1", "1.001"),
            {"least": {SWAP: D("0.001")}},
            CaseKind.UNEXPLAINED,
            CaseAction.BOOK_FILL,
        ),
        (balance("USDT", "10", "110"), {}, CaseKind.TRANSFER, CaseAction.BOOK_TRANSFER),
        (
            balance("BTC", "1", "0.99999"),
            {"least": {"BTC": D("0.0001")}},
            CaseKind.DUST,
            CaseAction.BOOK_TRANSFER,
        ),
        (
            balance("USDT", "10", "9"),
            {"in_doubt": {"USDT": (3, 4)}},
            CaseKind.MISSING_FILL,
            CaseAction.NOTE,
        ),
    ],
)
def test_one_difference_alone(difference, known, kind, action):
    (found,) = explain([difference], Context(**known))

    assert (found.kind, found.action) == (kind, action)
    assert found.amount == difference.venue - difference.ours


def test_it_says_what_it_was_read_from():
    (found,) = explain([position("1", "2")], Context(in_doubt={SWAP: (7, 9)}))

    assert "7, 9" in found.explanation
    assert (found.subject, found.symbol) == (f"position of {SWAP}", SWAP)


def test_money_follows_the_position_that_it_paid_for():
    known = {"settles_in": {SWAP: "USDT"}}
    found = explain([position("1", "2"), balance("USDT", "0", "-100")], Context(**known))

    assert [one.action for one in found] == [CaseAction.BOOK_FILL, CaseAction.NOTE]
    assert SWAP in found[1].explanation
    assert kinds(position("1", "2"), balance("BNB", "0", "1"), **known)[1] is CaseKind.TRANSFER


@pytest.mark.parametrize(
    ("paid", "kind"),
    [
        ("-60000", CaseKind.EXTERNAL_TRADE),
        ("-65999", CaseKind.EXTERNAL_TRADE),
        ("-66001", CaseKind.TRANSFER),
        ("-6000", CaseKind.TRANSFER),
        ("60000", CaseKind.TRANSFER),
    ],
)
def test_two_currencies_that_moved_at_the_markets_price_look_like_a_trade(paid, kind):
    moved = balance("BTC", "0", "1"), balance("USDT", "0", paid)

    assert kinds(*moved, last_prices={("BTC", "USDT"): D(60000)}) == [kind, kind]


def test_without_a_market_two_currencies_are_two_transfers():
    moved = balance("BTC", "0", "1"), balance("USDT", "0", "-60000")

    assert kinds(*moved) == [CaseKind.TRANSFER, CaseKind.TRANSFER]


def test_trades_of_an_order_that_is_not_shown():
    found = unshown(SWAP, "17", "does not show it")

    assert (found.finding, found.kind) == (Finding.ORDER_UNKNOWN, CaseKind.MISSING_FILL)
    assert (found.subject, found.action) == (f"order 17 of {SWAP}", CaseAction.NOTE)
