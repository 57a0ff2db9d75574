"""What a fill does to its position, where the worked cases are silent."""

from decimal import Decimal, localcontext

import pytest

from positions.engine.arithmetic import value_of
from positions.engine.book import book_dust, book_fill, book_funding
from positions.engine.errors import ValidationError
from positions.engine.holding import DustMove, Fill, Holding, average_price, floating_profit
from positions.engine.market import Market
from positions.engine.types import Entry, MarketKind, Reversal, Side
from positions.tests.engine.ledger import INVERSE, LINEAR, SPOT, buy, sell

D = Decimal


def held(fill: Fill, market: Market = LINEAR) -> Holding:
    opened = book_fill(None, fill, market).opened
    assert opened is not None
    return opened


def test_a_closed_position_that_is_filled_again_is_reopened_with_its_past():
    """Hedge: later fills of an opening order go to its position, even after it was closed."""
    closed = book_fill(held(buy("1", "100")), sell("1", "110"), LINEAR).current

    booked = book_fill(closed, buy("2", "120"), LINEAR)

    assert booked.opened is None
    assert booked.current == Holding(Side.BUY, D(2), D(240), D(10))
    assert [leg.entry for leg in booked.legs] == [Entry.IN]


def test_an_empty_position_takes_the_side_of_the_fill_that_reopens_it():
    closed = book_fill(held(buy("1", "100")), sell("1", "110"), LINEAR).current

    reopened = book_fill(closed, sell("1", "120"), LINEAR).current

    assert reopened is not None
    assert (reopened.side, reopened.cost) == (Side.SELL, D(120))


def test_a_close_that_empties_takes_all_remaining_cost():
    """A third of 100 does not terminate; the last close makes the sum whole."""
    position = held(buy("3", "33.333333333333333333"))
    profit = D(0)
    for _ in range(3):
        booking = book_fill(position, sell("1", "40"), LINEAR)
        assert booking.current is not None
        position, profit = booking.current, profit + booking.legs[0].profit

    assert position.qty == 0
    assert position.cost == 0
    assert profit == D(120) - D("99.999999999999999999")


def test_contract_size_scales_value_cost_and_profit():
    market = Market("X", MarketKind.LINEAR, "ETH", "USDT", "USDT", D("0.01"))

    booked = book_fill(held(buy("10", "2000"), market), sell("10", "2100"), market)

    assert value_of(D(10), D(2000), market) == D(200)
    assert booked.legs[0].profit == D(10)


def test_an_inverse_short_earns_coin_when_the_price_falls():
    market = Market("X", MarketKind.INVERSE, "BTC", "USD", "BTC", D(100))

    position = held(sell("100", "50000"), market)

    assert position.cost == D("0.2")
    assert floating_profit(position, D(40000), market) == D("0.05")
    assert average_price(position, market) == D(50000)
    assert market.profit_currency == "BTC"


def test_a_close_across_zero_values_both_parts_to_the_fills_cash():
    """The opening part is the remainder, so rounding can neither make nor lose money."""
    position = held(buy("0.000000000000000001", "0.3"))

    booked = book_fill(position, sell("0.000000000000000003", "0.5"), LINEAR)

    assert booked.current is not None
    assert booked.opened is not None
    cash = booked.legs[0].profit + position.cost + booked.opened.cost
    assert cash == value_of(D("0.000000000000000003"), D("0.5"), LINEAR)


def test_a_base_fee_across_zero_is_dust_for_the_cover_and_volume_for_the_rest():
    """Spot: a buy of 1.5 covers a short of 0.5 and opens a long of 1."""
    short = held(sell("0.5", "110"), SPOT)

    booked = book_fill(short, buy("1.5", "100", "0.0015", "BTC"), SPOT)

    assert booked.opened is not None
    assert [leg.fee for leg in booked.legs] == [D("0.0005"), D("0.001")]
    assert booked.dust == (DustMove("BTC", D("-0.0005")),)
    assert booked.opened.qty == D("0.999")
    assert booked.legs[0].profit == D(5)


def test_mt5_splits_a_base_fee_too_though_it_writes_one_deal():
    short = held(sell("0.5", "110"), SPOT)

    booked = book_fill(short, buy("1.5", "100", "0.0015", "BTC"), SPOT, Reversal.MT5)

    (leg,) = booked.legs
    assert booked.current is not None
    assert (leg.entry, leg.fee, leg.base_fee) == (Entry.INOUT, D("0.0015"), D("0.001"))
    assert leg.fee_quote == D("0.15")
    assert booked.dust == (DustMove("BTC", D("-0.0005")),)
    assert booked.current.qty == D("0.999")
    assert booked.current.fees == (("BTC", D("0.0015")),)
    assert booked.current.fees_quote == D("0.15")


def test_a_base_rebate_makes_the_position_larger_at_the_same_average():
    position = held(buy("1", "100", "-0.001", "BTC"), SPOT)

    assert position.qty == D("1.001")
    assert average_price(position, SPOT) == D(100)
    assert position.fees_quote == D("-0.1")


def test_a_base_fee_on_a_sell_leaves_the_dust_record():
    booked = book_fill(held(buy("1", "100"), SPOT), sell("0.5", "110", "0.001", "BTC"), SPOT)

    assert booked.current is not None
    assert booked.current.qty == D("0.5")
    assert booked.dust == (DustMove("BTC", D("-0.001")),)
    assert booked.legs[0].fee_quote == D("0.11")


def test_a_base_fee_that_would_leave_nothing_goes_to_dust_whole():
    booked = book_fill(None, buy("0.0001", "100", "0.0002", "BTC"), SPOT)

    assert booked.opened is not None
    assert booked.opened.qty == D("0.0001")
    assert booked.dust == (DustMove("BTC", D("-0.0002")),)


def test_a_fee_in_a_third_currency_keeps_its_currency_and_its_rate():
    fill = Fill(Side.BUY, D(1), D(100), D("0.0002"), "BNB", D(600))

    booked = book_fill(None, fill, SPOT)

    assert booked.opened is not None
    assert booked.opened.fees == (("BNB", D("0.0002")),)
    assert booked.opened.fees_quote == D("0.12")
    assert booked.dust == (DustMove("BNB", D("-0.0002")),)


def test_a_third_currency_without_a_rate_is_worth_nobody_knows_what():
    booked = book_fill(None, buy("1", "100", "0.0002", "BNB"), SPOT)

    assert booked.opened is not None
    assert booked.legs[0].fee_quote is None
    assert booked.opened.fees_quote == 0


def test_derivatives_fees_never_touch_volume_or_dust():
    booked = book_fill(None, buy("1", "100", "0.001", "BTC"), LINEAR)

    assert booked.opened is not None
    assert booked.opened.qty == 1
    assert booked.dust == ()


def test_fees_add_up_per_currency():
    position = held(buy("1", "100", "0.1", "USDT"), SPOT)
    for fee, currency in (("0.2", "USDT"), ("0.001", "BNB"), ("-0.05", "USDT")):
        booking = book_fill(position, buy("1", "100", fee, currency), SPOT)
        assert booking.current is not None
        position = booking.current

    assert dict(position.fees) == {"USDT": D("0.25"), "BNB": D("0.001")}
    assert position.fees_quote == D("0.25")


def test_a_fee_without_a_currency_is_refused():
    with pytest.raises(ValidationError) as refusal:
        book_fill(None, Fill(Side.BUY, D(1), D(1), D("0.1")), LINEAR)

    assert refusal.value.facts["field"] == "fee_currency"


@pytest.mark.parametrize(("qty", "price", "field"), [("0", "1", "qty"), ("1", "0", "price")])
def test_a_fill_of_nothing_or_for_nothing_is_refused(qty, price, field):
    with pytest.raises(ValidationError) as refusal:
        book_fill(None, buy(qty, price), LINEAR)

    assert refusal.value.facts["field"] == field


def test_dust_is_closed_at_average_with_profit_zero():
    position = held(buy("1", "100", "0.001", "BTC"), SPOT)
    left = book_fill(position, sell("0.998", "110"), SPOT).current
    assert left is not None

    booked = book_dust(left, SPOT)

    assert booked.current is not None
    assert (booked.legs[0].price, booked.legs[0].profit) == (D(100), D(0))
    assert (booked.current.qty, booked.current.cost) == (D(0), D(0))
    assert booked.dust == (DustMove("BTC", D("0.001"), D("0.1")),)


def test_dust_of_a_short_is_owed_and_part_of_a_position_may_be_dust():
    booked = book_dust(held(sell("2", "100")), LINEAR, D("0.5"))

    assert booked.current is not None
    assert booked.current.qty == D("1.5")
    assert booked.dust == (DustMove(LINEAR.symbol, D("-0.5"), D(-50)),)
    with pytest.raises(ValidationError):
        book_dust(booked.current, LINEAR, D(2))


def test_a_position_can_be_written_off_at_a_price():
    position = held(buy("2", "100"))

    booked = book_dust(position, LINEAR, at_price=D(70))
    worthless = book_dust(position, SPOT, at_price=D(0))

    assert (booked.legs[0].price, booked.legs[0].profit) == (D(70), D(-60))
    assert (booked.current.qty, booked.current.cost, booked.current.profit) == (0, 0, D(-60))
    assert worthless.current.profit == D(-200)
    assert [(move.asset, move.qty) for move in worthless.dust] == [("BTC", D(2))]


def test_funding_is_profit_without_volume():
    position = held(buy("2", "100"))

    assert book_funding(position, D("-0.3")) == position._replace(profit=D("-0.3"))


def test_nothing_has_no_average():
    nothing = held(buy("2", "100"))._replace(qty=D(0), cost=D(0))
    costless = nothing._replace(qty=D(1))

    assert average_price(nothing, LINEAR) is None
    assert average_price(costless, INVERSE) is None


def test_a_large_account_is_booked_to_the_last_digit_under_any_context():
    """20 integer digits and 18 places need 38; the default context of Python has 28."""
    fill = buy("12345678901234567.123456789012345678", "1000")

    with localcontext() as poor:
        poor.prec = 9
        once = book_fill(None, fill, LINEAR).opened
        twice = book_fill(once, fill, LINEAR).current

    assert twice is not None
    assert str(twice.qty) == "24691357802469134.246913578024691356"
    assert twice.cost == D("24691357802469134246.913578024691356000")
