"""Does what hangs, fails, answers nonsense or is gone delay anybody else? On virtual time."""

import pytest

from tests.neighbours.world import (
    FIRES_WITHIN_S,
    SEEN_WITHIN_S,
    delays,
    live,
    stop_delays,
)


def _late(delays_s, within_s):
    return {place: late_s for place, late_s in delays_s.items() if late_s > within_s}


@pytest.mark.parametrize("seed", range(1, 11))
def test_every_other_fill_is_seen_and_every_other_stop_fires_whatever_is_in_trouble(seed):
    world = live(seed)

    seen_s, fired_s = delays(world), stop_delays(world)
    assert seen_s
    assert _late(seen_s, SEEN_WITHIN_S) == {}
    assert _late(fired_s, FIRES_WITHIN_S) == {}
    assert all(late_s >= 0 for late_s in fired_s.values())
    assert world.blind == set(world.trouble)
    waiting = world.stops.reached_at_s.keys() - world.stops.fired_at_s.keys()
    assert world.stops.blind == {place for place in waiting if place[1] in world.market.trouble}
