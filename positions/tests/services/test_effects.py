"""Where does a fill of all that is asked for lead, and what may be seen of where it starts?"""

from decimal import Decimal

import pytest

from accounts.words import Reversal
from positions import commands
from positions.engine.types import OrderType, Side
from positions.services.effects import Standing, _moved, standing_before

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("before", "side", "qty", "after"),
    [
        (Standing(), Side.SELL, "2", Standing(None, Side.SELL, Decimal(2))),
        (Standing(7, Side.BUY, Decimal(1)), Side.BUY, "2", Standing(7, Side.BUY, Decimal(3))),
        (Standing(7, Side.BUY, Decimal(3)), Side.SELL, "1", Standing(7, Side.BUY, Decimal(2))),
        (Standing(7, Side.SELL, Decimal(3)), Side.BUY, "3", Standing(7)),
        (Standing(7, Side.BUY, Decimal(1)), Side.SELL, "3", Standing(None, Side.SELL, Decimal(2))),
    ],
    ids=["opens", "raises", "closes a part", "closes all", "turns round"],
)
def test_a_fill_leads_on_from_where_the_position_stands(desk, before, side, qty, after):
    assert _moved(before, side, Decimal(qty), desk.account) == after


def test_under_mt5_a_position_that_turns_round_keeps_its_id(new_desk):
    account = new_desk(reversal=Reversal.MT5).account
    before = Standing(7, Side.BUY, Decimal(1))

    assert _moved(before, Side.SELL, Decimal(3), account) == Standing(7, Side.SELL, Decimal(2))


def test_a_key_is_not_told_of_a_position_that_it_cannot_see(new_desk):
    desk = new_desk(position_mode="netting")
    theirs, mine = desk.strategy(), desk.strategy()
    position = desk.bought("2", strategy_id=theirs.pk)
    asked = commands.ClosePosition(position_id=position.pk)
    opening = commands.SendOrder(
        desk.symbol, Side.BUY, OrderType.MARKET, Decimal(1), strategy_id=mine.pk
    )
    restricted = desk.caller_with(strategies=[mine.pk])

    assert standing_before(asked, desk.caller, desk.account).qty == 2
    assert standing_before(opening, desk.caller, desk.account).position_id == position.pk
    assert standing_before(opening, restricted, desk.account) is None
