"""What a close of everything leaves behind on derivatives."""

from decimal import Decimal

from positions.engine.types import OrderStatus
from positions.models import Dust
from positions.projector.booking import dust


def test_dust_of_a_currency_adds_up(desk):
    dust.add_dust(desk.account.pk, "BTC", Decimal("0.5"))
    dust.add_dust(desk.account.pk, "BTC", Decimal("-0.7"))

    assert Dust.objects.get().qty == Decimal("-0.2")


def test_a_remainder_below_the_step_is_written_off_at_average(desk, venue):
    position = desk.bought("1")
    venue.change_market(desk.symbol, amount_step=Decimal("0.3"), min_amount=Decimal("0.3"))
    close = desk.close(position)

    desk.fill(close, "0.9", "110")
    after, correction = desk.fresh(position), desk.deals()[-1]

    assert close.qty == Decimal("0.9")
    assert (after.state, after.qty, after.profit) == ("closed", 0, 9)
    assert (correction.kind, correction.entry, correction.price) == ("correction", "out", 100)
    assert (correction.execution_id, correction.order_id) == (None, None)
    assert Dust.objects.get().currency == desk.symbol


def test_a_close_that_was_cancelled_half_way_leaves_a_position(desk):
    position = desk.bought("1")
    close = desk.close(position, type="limit", price="110")
    desk.fill(close, "0.4", "110")

    desk.report(close, OrderStatus.CANCELED, "0.4")
    after = desk.fresh(position)

    assert (after.state, after.qty) == ("open", Decimal("0.6"))
