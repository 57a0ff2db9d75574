"""A position's row and the engine's value are the same numbers."""

from decimal import Decimal


def test_a_row_reads_back_as_it_was_written(desk):
    order = desk.send(qty="3")
    desk.fill(order, "1", "33.333333333333333333", fee="0.1", fee_currency="BNB")
    desk.fill(order, "1", "10", fee="0.2", fee_currency="USDT")

    holding = desk.positions()[0].holding

    assert (holding.qty, holding.cost) == (2, Decimal("43.333333333333333333"))
    assert holding.fees == (("BNB", Decimal("0.1")), ("USDT", Decimal("0.2")))


def test_a_closed_position_keeps_its_average_for_display(desk):
    position = desk.bought("2", "100")

    desk.fill(desk.close(position), "2", "110")
    after = desk.fresh(position)

    assert (after.qty, after.cost, after.avg_price) == (0, 0, 100)
    assert after.closed_at == desk.deals()[-1].executed_at
