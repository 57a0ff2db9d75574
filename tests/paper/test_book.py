"""Matching: price-time priority, conservation, self-trade modes, the ladder's sweep."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.paper.matching.book import Book, Resting, SelfTrade, Side, Taker
from gateway.paper.matching.ladder import Ladder

STEP = Decimal("0.001")
D = Decimal


def bare_book() -> Book:
    """A book whose ladder was never quoted, so that only users are in it."""
    return Book(Ladder(tick=D("0.01"), step=STEP, level_notional=D(20000), seed="1"))


def quoted_book(mid: str = "100") -> Book:
    book = bare_book()
    book.quote(D(mid), 1)
    return book


def rest(book: Book, order_id: int, side: Side, price: str, qty: str, owner: str = "maker") -> None:
    book.rest(Resting(order_id, owner, side, D(price), D(qty)))


def buyer(qty: str, limit: str | None = None, mode: SelfTrade = SelfTrade.EXPIRE_MAKER) -> Taker:
    return Taker(
        "taker", Side.BUY, STEP, D(qty), limit=D(limit) if limit else None, self_trade=mode
    )


def test_the_better_price_goes_first_and_at_one_price_the_older_order():
    book = bare_book()
    rest(book, 1, Side.SELL, "101", "1")
    rest(book, 2, Side.SELL, "100", "1")
    rest(book, 3, Side.SELL, "100", "1")

    taken = book.take(buyer("2.5"))

    assert [(match.maker_id, match.qty) for match in taken.matches] == [
        (2, D(1)),
        (3, D(1)),
        (1, D("0.5")),
    ]


def test_users_go_before_the_ladder_at_the_same_price():
    book = quoted_book()
    price, offered = book.best(Side.SELL)
    rest(book, 1, Side.SELL, str(price), "0.5")

    taken = book.take(buyer("1"))

    assert [match.maker_id for match in taken.matches] == [1, None]
    assert book.best(Side.SELL) == (price, offered - D("0.5"))


def test_nothing_trades_beyond_the_limit():
    book = quoted_book()
    ask, offered = book.best(Side.SELL)

    taken = book.take(buyer(str(offered + 5), limit=str(ask)))

    assert taken.filled == offered
    assert taken.left == 5


def test_what_is_taken_from_the_ladder_comes_back_with_the_next_quote():
    book = quoted_book()
    ask, offered = book.best(Side.SELL)
    book.take(buyer(str(offered)))

    gone = book.best(Side.SELL)[0]
    book.quote(D(100), 1)

    assert gone > ask
    assert book.best(Side.SELL) == (ask, offered)


def test_a_budget_is_spent_in_whole_steps_and_never_exceeded():
    book = quoted_book("33.33")

    taken = book.preview(Taker("taker", Side.BUY, STEP, budget=D(1000)))

    assert D(1000) - D(1) < taken.cost <= D(1000)
    assert taken.filled % STEP == 0


@pytest.mark.parametrize(
    ("mode", "maker_left", "bought", "taker_ends"),
    [
        (SelfTrade.NONE, "1", "3", False),
        (SelfTrade.EXPIRE_TAKER, "2", "0", True),
        (SelfTrade.EXPIRE_MAKER, None, "3", False),
        (SelfTrade.EXPIRE_BOTH, None, "0", True),
        (SelfTrade.DECREMENT, None, "1", False),
    ],
)
def test_orders_of_one_login_that_meet_follow_the_self_trade_mode(
    mode, maker_left, bought, taker_ends
):
    book = bare_book()
    rest(book, 1, Side.SELL, "100", "2" if mode != "NONE" else "4", owner="taker")
    rest(book, 2, Side.SELL, "101", "9")

    taken = book.take(buyer("3", mode=mode))

    left = dict(book.depth(Side.SELL, 5))
    assert taken.filled == D(bought)
    assert taken.taker_ends is taker_ends
    assert left.get(D(100)) == (D(maker_left) if maker_left else None)


def test_the_walk_fills_an_order_it_crosses_at_the_orders_own_price():
    book = quoted_book("100")
    rest(book, 1, Side.BUY, "99", "0.5")
    rest(book, 2, Side.BUY, "98", "0.5")

    book.quote(D("98.5"), 2)
    matches = list(book.sweep())

    assert [(match.maker_id, match.price, match.qty) for match in matches] == [(1, D(99), D("0.5"))]
    assert 1 not in book
    assert 2 in book


def test_an_order_larger_than_what_crosses_it_is_filled_in_part():
    book = quoted_book("100")
    rest(book, 1, Side.BUY, "99", "100000")

    book.quote(D("98.99"), 2)
    (match,) = book.sweep()

    assert 0 < match.qty < 100000
    assert book.best(Side.SELL)[0] > 99


prices = st.integers(90, 110).map(D)
quantities = st.integers(1, 5000).map(lambda n: n * STEP)
orders = st.lists(
    st.tuples(st.sampled_from(list(Side)), prices, quantities, st.sampled_from("abc")),
    max_size=40,
)


@given(orders, st.booleans(), st.sampled_from(list(SelfTrade)))
def test_quantity_is_conserved_and_the_book_never_crosses(flow, with_ladder, mode):
    """What a taker got, and what a self-trade mode ended, is what the book lost."""
    book = quoted_book() if with_ladder else bare_book()
    for number, (side, price, qty, owner) in enumerate(flow, start=1):
        before = offered(book)
        taken = book.take(Taker(owner, side, STEP, qty, limit=price, self_trade=mode))

        assert before - offered(book) == taken.filled + sum(p.qty for p in taken.prevented)
        if mode is not SelfTrade.DECREMENT:
            assert taken.filled + taken.left == qty
        if taken.left and not taken.taker_ends:
            book.rest(Resting(number, owner, side, price, taken.left))

    bid, ask = book.best(Side.BUY), book.best(Side.SELL)
    assert not (bid and ask) or bid[0] < ask[0]


def offered(book: Book) -> Decimal:
    return sum((qty for side in Side for _, qty in book.depth(side, 1000)), D(0))


@given(orders)
def test_fills_of_one_taker_get_worse_and_worse_in_price(flow):
    book = quoted_book()
    for number, (side, price, qty, owner) in enumerate(flow, start=1):
        if side is Side.SELL and price > 100:
            rest(book, number, side, str(price), str(qty), owner)

    taken = book.take(buyer("50"))

    paid = [match.price for match in taken.matches]
    assert paid == sorted(paid)
