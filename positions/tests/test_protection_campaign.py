"""Whatever comes first, no stop is left behind, and never can two fire for one position."""

import os
from collections import Counter
from itertools import permutations
from random import Random

import pytest

from positions.engine.types import Side
from positions.models import Trigger
from positions.tests.fakes import LINEAR, SPOT
from positions.tests.guarded import Guarded
from positions.tests.small_venue import SmallVenue

MODES = ["netting", "hedge", "strategy_netting"]
EVENTS = {
    "stop fill": SmallVenue.fire_stops,
    "close fill": SmallVenue.fill_markets,
    "cancel answer": SmallVenue.answer_cancels,
    "partial fill": lambda venue: venue.fire_stops("0.4"),
}
NET_CHANGES = int(os.environ.get("OMS_NET_CHANGES", "200"))  # 1,000 with `make torture`
SEED = int(os.environ.get("OMS_TORTURE_SEED", "11"))


def traded(venue, side, qty, **payload):
    """A market order that is executed at once, and everything that follows answered."""
    order = venue.desk.send(side, qty, **payload)
    venue.settle()
    return venue.desk.fresh(order)


def net_of_positions(desk):
    return sum(Side(row.side).sign * row.qty for row in desk.positions())


@pytest.mark.parametrize("symbol", [LINEAR, SPOT])
@pytest.mark.parametrize("mode", MODES)
def test_no_stop_remains_whatever_comes_first(db, mode, symbol):
    orders = list(permutations(EVENTS))
    for order in orders:
        desk = Guarded(symbol, position_mode=mode, protection="exchange")
        venue = SmallVenue(desk)
        if mode != "netting":  # Somebody else is there too: the exchange's net caps nothing.
            traded(venue, "buy", "1", strategy_id=desk.strategy().pk)
        position = traded(venue, "buy", "1", stop_loss="90", stop_gain="120").position
        assert venue.alive(stops=True), "nothing rests: the permutation would show nothing"

        desk.close(position)
        for event in order:
            venue.receive()
            EVENTS[event](venue)
        venue.settle()

        left = [known.order for known in venue.alive(stops=True)]
        assert left == [], order
        assert desk.fresh(position).qty == 0, order
        assert net_of_positions(desk) == venue.net, order
        assert not Trigger.objects.filter(account=desk.account).exists(), order
    print(f"{mode}, {symbol}: {len(orders)} permutations, no stop remains")


def test_never_two_live_triggers_for_one_position_while_the_net_changes(db):
    """Another strategy trades back and forth while the exchange answers now and then."""
    chance = Random(SEED)
    desk = Guarded(position_mode="strategy_netting")
    venue = SmallVenue(desk)
    for _ in range(3):
        strategy_id = desk.strategy().pk
        traded(venue, "buy", "2", strategy_id=strategy_id, stop_loss="90", stop_gain="120")
    other = desk.strategy().pk
    ours = {side: desk.rest(side, "1000000", strategy_id=other) for side in ("buy", "sell")}
    seen: Counter[str] = Counter()

    for _ in range(NET_CHANGES):
        # Around the net at which one of the three, two of them or all have room.
        side = "sell" if venue.net > 4 or (venue.net > 0 and chance.random() < 0.5) else "buy"
        qty = str(chance.randint(1, 4))
        desk.executed(ours[side], qty)
        venue.net += Side(side).sign * int(qty)
        venue.receive()
        if chance.random() < 0.5:
            venue.answer_cancels()
        assert_one_may_fire(desk, venue)
        seen.update(Trigger.objects.values_list("state", flat=True))

    print(f"{NET_CHANGES} net changes, states seen: {dict(seen)}")
    assert {"watched", "resting", "withdrawing"} <= set(seen)


def assert_one_may_fire(desk, venue):
    """Per position and role: one at the exchange and the OMS waits, or none and the OMS may."""
    live = Counter((known.order.position_id, str(known.order.group_role))
                   for known in venue.alive(stops=True))  # fmt: skip
    for row in Trigger.objects.filter(account=desk.account):
        at_exchange = live[row.position_id, str(row.role)]
        may_fire = row.state in ("watched", "fired")
        assert at_exchange + may_fire <= 1, f"{row}: {at_exchange} live at the exchange"
