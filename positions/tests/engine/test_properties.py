"""What always holds, whatever is traded, in whatever order it arrives."""

from decimal import Decimal
from itertools import pairwise

import hypothesis.strategies as st
from hypothesis import given, settings

from positions.engine.arithmetic import value
from positions.engine.book import book_fill, book_forced_close
from positions.engine.errors import EngineError
from positions.engine.fees import split_fee
from positions.engine.funding import Volume, forced_close_shares, funding_shares
from positions.engine.holding import Fill, floating_profit
from positions.engine.market import Market
from positions.engine.money import UNIT, ZERO, exact_decimals
from positions.engine.orders import FINAL, Progress, Proof, may_move, status_after
from positions.engine.routing import OrderFacts
from positions.engine.types import Entry, MarketKind, OrderStatus, PositionMode, Reversal, Side
from positions.tests.engine.ledger import INVERSE, LINEAR, SPOT, Ledger, cash_of, worth_of

SIZED = Market("ETH/USDT:USDT", MarketKind.LINEAR, "ETH", "USDT", "USDT", Decimal("0.01"))
NETTING_MODES = [PositionMode.NETTING, PositionMode.STRATEGY_NETTING]

sides = st.sampled_from(list(Side))
qtys = st.decimals("0.000001", "5000", places=6)
prices = st.decimals("0.01", "90000", places=2)
odd_qtys = st.decimals("0.000000000000000001", "1000", places=18) | st.sampled_from(
    [Decimal("0.333333333333333333"), Decimal("0.666666666666666666"), Decimal(1)]
)
odd_prices = st.decimals("0.000000000000000001", "1000", places=18)
fees = st.decimals("-0.01", "0.01", places=8)
currencies = st.sampled_from(["USDT", "BTC", "BNB"])


@st.composite
def fills(draw: st.DrawFn, *, odd: bool = False, paid: bool = False) -> Fill:
    return Fill(
        side=draw(sides),
        qty=draw(odd_qtys if odd else qtys),
        price=draw(odd_prices if odd else prices),
        fee=draw(fees) if paid else ZERO,
        fee_currency=draw(currencies) if paid else None,
    )


@st.composite
def orders_of_fills(
    draw: st.DrawFn, *, odd: bool = False, paid: bool = False, strategies: int = 3
) -> list[tuple[OrderFacts, Fill]]:
    """Orders in time order, each filled once; in hedge some name a position to close."""
    return [
        (
            OrderFacts(
                order_id=number,
                side=fill.side,
                strategy_id=draw(st.integers(0, strategies - 1)),
            ),
            fill,
        )
        for number, fill in enumerate(
            draw(st.lists(fills(odd=odd, paid=paid), min_size=1, max_size=12)), start=1
        )
    ]


@given(
    trades=orders_of_fills(odd=True),
    mark=odd_prices,
    mode=st.sampled_from(list(PositionMode)),
    reversal=st.sampled_from(list(Reversal)),
    market=st.sampled_from([LINEAR, SIZED, SPOT, INVERSE]),
)
def test_cash_is_realised_plus_open_profit_at_any_mark(trades, mark, mode, reversal, market):
    """To the last of 18 places, however the averages fall."""
    books = booked(trades, Ledger(mode, reversal, market))

    with exact_decimals():
        cash = cash_of((fill for _, fill in trades), market)
        worth = worth_of((p.holding for p in books.open_positions()), mark, market)
        assert books.equity(mark) == cash + worth
        assert all(p.holding.qty or not p.holding.cost for p in books.positions.values())


@given(trades=orders_of_fills(paid=True), mark=prices, mode=st.sampled_from(list(PositionMode)))
def test_a_base_fee_costs_exactly_what_it_took_from_the_position(trades, mark, mode):
    books = booked(trades, Ledger(mode, market=SPOT))

    taken = (deal.leg.fee_quote for deal in books.deals if deal.leg.base_fee)
    with exact_decimals():
        cash = cash_of((fill for _, fill in trades), SPOT)
        worth = worth_of((p.holding for p in books.open_positions()), mark, SPOT)
        assert books.equity(mark) - sum(taken, ZERO) == cash + worth


@given(
    trades=orders_of_fills(paid=True),
    mode=st.sampled_from(list(PositionMode)),
    reversal=st.sampled_from(list(Reversal)),
    market=st.sampled_from([LINEAR, SPOT]),
)
def test_positions_and_dust_add_up_to_what_the_exchange_holds(trades, mode, reversal, market):
    books = booked(trades, Ledger(mode, reversal, market))

    with exact_decimals():
        traded = sum((fill.side.sign * fill.qty for _, fill in trades), ZERO)
        in_base = sum((f.fee for _, f in trades if f.fee_currency == "BTC"), ZERO)
        assert books.net() == (traded - in_base if market is SPOT else traded)


@given(
    trades=orders_of_fills(paid=True),
    mode=st.sampled_from(list(PositionMode)),
    reversal=st.sampled_from(list(Reversal)),
    market=st.sampled_from([LINEAR, SPOT]),
)
def test_a_positions_deals_less_base_fees_give_its_volume_and_profit(
    trades, mode, reversal, market
):
    books = booked(trades, Ledger(mode, reversal, market))

    with exact_decimals():
        for position in books.positions.values():
            legs = [d.leg for d in books.deals if d.position_id == position.position_id]
            volume = sum((leg.side.sign * leg.qty - leg.base_fee for leg in legs), ZERO)
            assert volume == position.holding.signed_qty
            assert sum((leg.profit for leg in legs), ZERO) == position.holding.profit
            assert position.holding.cost >= ZERO
            assert position.holding.cost == ZERO or position.holding.qty > ZERO


@given(
    trades=orders_of_fills(),
    mark=prices,
    mode=st.sampled_from(NETTING_MODES),
    reversal=st.sampled_from(list(Reversal)),
    data=st.data(),
)
def test_the_order_of_arrival_changes_neither_net_nor_cash_at_any_mark(
    trades, mark, mode, reversal, data
):
    shuffled = data.draw(st.permutations(trades))

    in_time = booked(trades, Ledger(mode, reversal))
    out_of_time = booked(shuffled, Ledger(mode, reversal))

    assert in_time.net() == out_of_time.net()
    assert in_time.equity(mark) == out_of_time.equity(mark)
    with exact_decimals():
        assert nets_of_strategies(in_time) == nets_of_strategies(out_of_time)


@given(
    trades=orders_of_fills(),
    mark=prices,
    mode=st.sampled_from(list(PositionMode)),
    reversal=st.sampled_from(list(Reversal)),
    data=st.data(),
)
def test_a_fill_may_come_in_any_number_of_parts(trades, mark, mode, reversal, data):
    parts = [
        (order, part) for order, fill in trades for part in data.draw(parts_of(fill), label="parts")
    ]

    whole = booked(trades, Ledger(mode, reversal))
    split = booked(parts, Ledger(mode, reversal))

    assert whole.net() == split.net()
    assert whole.equity(mark) == split.equity(mark)
    assert open_volumes(whole) == open_volumes(split)


@given(
    trades=orders_of_fills(),
    mode=st.sampled_from(list(PositionMode)),
    mark=prices,
)
def test_the_strategies_sum_is_the_exchanges_net(trades, mode, mark):
    books = booked(trades, Ledger(mode))

    with exact_decimals():
        exchange = sum((fill.side.sign * fill.qty for _, fill in trades), ZERO)
        assert sum(nets_of_strategies(books).values(), ZERO) == exchange


@settings(max_examples=150)
@given(
    trades=orders_of_fills(paid=True, strategies=2),
    mode=st.sampled_from(list(PositionMode)),
    reversal=st.sampled_from(list(Reversal)),
    market=st.sampled_from([LINEAR, SPOT]),
    data=st.data(),
)
def test_a_replay_gives_the_same_rows(trades, mode, reversal, market, data):
    books = Ledger(mode, reversal, market)
    for order, fill in trades:
        books.fill(order, fill)
        rearrange(books, data)

    assert books.replayed().rows() == books.rows()


@given(trades=orders_of_fills(strategies=2), mark=prices, data=st.data())
def test_closing_by_and_merging_conserve_volume_and_profit(trades, mark, data):
    books = booked(trades, Ledger(PositionMode.HEDGE))
    net, equity, realised = books.net(), books.equity(mark), books.realised()

    close_bys = rearrange(books, data)

    assert books.net() == net
    assert books.equity(mark) == equity
    if not close_bys:
        assert books.realised() == realised


def test_half_of_the_smallest_fee_is_not_lost():
    with exact_decimals():
        parts = split_fee(UNIT, closing=Decimal(1), whole=Decimal(2))

    assert (parts.closing, parts.opening) == (ZERO, UNIT)


@given(fill=fills(odd=True, paid=True), closing=st.floats(0, 1))
def test_the_parts_of_a_fee_add_up_to_it(fill, closing):
    with exact_decimals():
        part = (fill.qty * Decimal(str(closing))).quantize(Decimal("1e-18"))
        parts = split_fee(fill.fee, closing=part, whole=fill.qty)

        assert parts.closing + parts.opening == fill.fee


@given(
    trades=orders_of_fills(paid=True),
    reversal=st.sampled_from(list(Reversal)),
    market=st.sampled_from([LINEAR, SPOT]),
)
def test_each_fill_and_its_fee_are_booked_whole(trades, reversal, market):
    books = Ledger(PositionMode.NETTING, reversal, market)

    for order, fill in trades:
        legs = books.fill(order, fill).legs

        with exact_decimals():
            assert sum((leg.fee for leg in legs), ZERO) == fill.fee
            assert sum((leg.qty for leg in legs), ZERO) == fill.qty


@given(trades=orders_of_fills())
def test_mt5_and_split_agree_on_everything_but_the_deals(trades):
    split = booked(trades, Ledger(reversal=Reversal.SPLIT))
    mt5 = booked(trades, Ledger(reversal=Reversal.MT5))

    assert split.realised() == mt5.realised()
    assert open_volumes(split) == open_volumes(mt5)
    assert Entry.INOUT not in {deal.leg.entry for deal in split.deals}


@given(fill=fills(odd=True), market=st.sampled_from([LINEAR, INVERSE]))
def test_the_callers_decimal_context_changes_nothing(fill, market):
    with exact_decimals():
        expected = value(fill.qty, fill.price, market)

    booking = book_fill(None, fill, market)

    assert booking.opened is not None
    assert booking.opened.cost == expected


@given(
    amount=st.decimals("-1000", "1000", places=18),
    volumes=st.lists(st.decimals("-1000", "1000", places=3), max_size=8),
)
def test_funding_shares_add_up_to_the_venues_amount(amount, volumes):
    shares = funding_shares(amount, [Volume(n, qty) for n, qty in enumerate(volumes)])

    with exact_decimals():
        given_out = sum((share.amount for share in shares), ZERO)
        assert given_out == (amount if sum(volumes, ZERO) else ZERO)


@given(
    volumes=st.lists(st.decimals("0", "1000", places=6), min_size=1, max_size=8),
    step=st.sampled_from([None, Decimal("0.000001"), Decimal("0.01"), Decimal(1)]),
    share=st.decimals("0", "1", places=6),
)
def test_a_forced_close_takes_its_sum_and_from_nobody_more_than_he_has(volumes, step, share):
    with exact_decimals():
        qty = sum(volumes, ZERO) * share

        shares = forced_close_shares(qty, [Volume(n, v) for n, v in enumerate(volumes)], step=step)

        assert sum((part.amount for part in shares), ZERO) == qty
        assert all(ZERO < part.amount <= volumes[part.position_id] for part in shares)


@given(
    longs=st.lists(fills(odd=True), min_size=1, max_size=5),
    force=fills(odd=True, paid=True),
    step=st.sampled_from([None, Decimal("0.001"), Decimal(1)]),
    market=st.sampled_from([LINEAR, SIZED, INVERSE]),
)
def test_a_forced_close_loses_nothing_of_quantity_fee_and_cash(longs, force, step, market):
    """Whatever it closes of several positions, and whatever it opens beyond them."""
    buys = [fill._replace(side=Side.BUY) for fill in longs]
    held = {n: book_fill(None, fill, market).opened for n, fill in enumerate(buys)}
    sell = force._replace(side=Side.SELL)

    parts = book_forced_close(held, sell, market, step=step)

    with exact_decimals():
        legs = [part.booking.legs[0] for part in parts]
        assert sum((leg.qty for leg in legs), ZERO) == sell.qty
        assert sum((leg.fee for leg in legs), ZERO) == sell.fee
        after = dict(held) | {p.position_id: p.booking.current for p in parts if p.booking.current}
        rest = [*after.values(), *(p.booking.opened for p in parts if p.booking.opened)]
        mark = Decimal("101.5")
        earned = sum((leg.profit for leg in legs), ZERO)
        floating = sum((floating_profit(each, mark, market) for each in rest), ZERO)
        cash = cash_of([*buys, sell], market)
        assert earned + floating == cash + worth_of(rest, mark, market)


statuses = st.sampled_from(list(OrderStatus))
reports = st.lists(
    st.tuples(st.none() | statuses, st.decimals("0", "3", places=1)), min_size=1, max_size=8
)


@given(start=statuses, reports=reports, presumed=st.booleans())
def test_reports_move_an_order_only_where_its_life_allows(start, reports, presumed):
    held = Progress(start, ZERO)

    for reported, filled in reports:
        after = status_after(
            held,
            qty=Decimal(3),
            reported=reported,
            reported_filled=filled,
            presumed=presumed and held.status is OrderStatus.REJECTED,
        )

        assert after.filled_qty >= held.filled_qty
        assert after.status is held.status or may_move(held.status, after.status, after.proof)
        assert after.status is held.status or after.proof is not Proof.NOT_EXECUTED
        if after.filled_qty >= Decimal(3):
            assert after.status is OrderStatus.FILLED
        held = after


@given(reports=reports, data=st.data())
def test_fills_are_the_same_in_whatever_order_the_reports_come(reports, data):
    start = Progress(OrderStatus.SENDING, ZERO)

    first, second = start, start
    for reported, filled in reports:
        first = status_after(first, qty=Decimal(3), reported=reported, reported_filled=filled)
    for reported, filled in data.draw(st.permutations(reports)):
        second = status_after(second, qty=Decimal(3), reported=reported, reported_filled=filled)

    assert first.filled_qty == second.filled_qty
    assert (first.status in FINAL) == (second.status in FINAL)


def booked(trades: list[tuple[OrderFacts, Fill]], books: Ledger) -> Ledger:
    """Book every trade; in hedge, where the opposite side is held, every third order closes it."""
    for order, fill in trades:
        books.fill(naming_a_position(order, books), fill)
    return books


def naming_a_position(order: OrderFacts, books: Ledger) -> OrderFacts:
    if books.mode is not PositionMode.HEDGE or order.order_id % 3:
        return order
    opener = next(
        (p for p in books.positions.values() if p.facts.opened_by == order.order_id - 1), None
    )
    if opener is None or opener.facts.side is order.side:
        return order
    return OrderFacts(order.order_id, order.side, order.strategy_id, opener.position_id)


def rearrange(books: Ledger, data: st.DataObject) -> int:
    """Close by and merge open positions at random; the number of close-bys that were allowed."""
    close_bys = 0
    for first, second in pairwise(list(books.open_positions())):
        a, b = data.draw(st.permutations([first.position_id, second.position_id]))
        try:
            if data.draw(st.booleans(), label="merge"):
                books.merge(a, b)
            else:
                books.close_by(a, b, mark=Decimal("100.5"))
                close_bys += 1
        except EngineError:
            continue
    return close_bys


@st.composite
def parts_of(draw: st.DrawFn, fill: Fill) -> list[Fill]:
    """The fill in up to four parts, on the grid of its own last digit."""
    grid = Decimal("0.000001")
    units = int(fill.qty / grid)
    cuts = sorted(
        {draw(st.integers(0, units)) for _ in range(draw(st.integers(0, 3)))} - {0, units}
    )
    edges = [0, *cuts, units]
    return [fill._replace(qty=(end - start) * grid) for start, end in pairwise(edges)]


def nets_of_strategies(books: Ledger) -> dict[int, Decimal]:
    """Signed open volume per strategy; in netting all of it is the account's."""
    nets: dict[int, Decimal] = {}
    for position in books.open_positions():
        key = 0 if books.mode is PositionMode.NETTING else position.facts.strategy_id
        nets[key] = nets.get(key, ZERO) + position.holding.signed_qty
    return {key: net for key, net in nets.items() if net}


def open_volumes(books: Ledger) -> list[tuple[Side, Decimal]]:
    return sorted((p.holding.side, p.holding.qty) for p in books.open_positions())
