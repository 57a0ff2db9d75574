"""A position is closed once, whatever closes it at the moment in which its stop is reached.

The first hundred seeds, which play nearly a third of the cells; ``make torture`` plays them all.
"""

import pytest

from tests.campaign.stage import prepared
from tests.races.cells import EVERY, IMPOSSIBLE, POSSIBLE, draw
from tests.races.judge import violations
from tests.races.race import play

SEEDS = range(1, 101)


@pytest.fixture(autouse=True)
def _stage(transactional_db):
    with prepared():
        yield


@pytest.mark.parametrize("seed", SEEDS)
def test_a_position_is_closed_once(seed):
    race = draw(seed)

    assert violations(play(race)) == [], race


def test_as_many_seeds_as_there_are_cells_play_each_cell_once():
    played = [draw(seed).cell for seed in range(1, len(POSSIBLE) + 1)]

    assert set(played) == set(POSSIBLE)
    assert len(POSSIBLE) + len(IMPOSSIBLE) == len(EVERY) == 3 * 6 * 3 * 2 * 2 * 2
