"""Who lets whom go first: by a clock that the test moves."""

import gc

import pytest

from oms_project.memory import settle
from positions import courtesy as module
from positions.courtesy import AMONG_OTHERS_S, FEW, PATIENCE_S, REST, Courtesy, parties

BUSY, OTHER = parties(user_id=1, account_ids=[1]), parties(user_id=2, account_ids=[2])


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(module, "monotonic", made)
    return made


def test_who_is_alone_is_never_held_up(clock):
    courtesy = Courtesy()

    with courtesy.waiting(BUSY):
        begun = [courtesy.begin(BUSY) for _ in range(50)]

    assert None not in begun


def test_while_another_waits_a_busy_one_rests_twice_as_long_as_each_piece_took(clock):
    courtesy = Courtesy()
    with courtesy.waiting(OTHER):
        first = courtesy.begin(BUSY)
        beside = courtesy.begin(BUSY)
        clock.now_s += 0.02
        courtesy.end(first, 0.02)
        clock.now_s += 0.02 * REST - 0.001
        resting = courtesy.begin(BUSY)
        clock.now_s += 0.002
        rested = courtesy.begin(BUSY)

    assert (beside, resting) == (None, None)
    assert None not in (first, rested)


def test_after_another_has_been_answered_a_busy_one_need_not_rest_but_goes_one_by_one(clock):
    courtesy = Courtesy()
    with courtesy.waiting(OTHER):
        courtesy.end(courtesy.begin(BUSY), 0.05)
    first = courtesy.begin(BUSY)
    beside = courtesy.begin(BUSY)
    clock.now_s += AMONG_OTHERS_S + 0.1
    later = courtesy.begin(BUSY)

    assert beside is None
    assert None not in (first, later)


def test_who_waits_for_an_exchange_that_hangs_holds_up_nobody(clock):
    courtesy = Courtesy()
    with courtesy.waiting(OTHER):
        courtesy.end(courtesy.begin(BUSY), 0.2)
        clock.now_s += PATIENCE_S
        begun = courtesy.begin(BUSY)

    assert begun is not None


def test_a_piece_that_waits_for_something_itself_holds_up_no_other(clock):
    courtesy = Courtesy()
    with courtesy.waiting(OTHER):
        courtesy.begin(BUSY)
        clock.now_s += PATIENCE_S / 2
        beside = courtesy.begin(BUSY)
        clock.now_s += PATIENCE_S / 2
        with courtesy.waiting(OTHER):
            later = courtesy.begin(BUSY)

    assert beside is None
    assert later is not None


def test_what_a_user_does_on_an_account_is_not_somebody_else_s():
    courtesy = Courtesy()

    with courtesy.waiting(parties(user_id=1)), courtesy.waiting(parties(account_ids=[1])):
        begun = [courtesy.begin(BUSY) for _ in range(5)]
        among_others = courtesy.is_among_others(BUSY)

    assert None not in begun
    assert not among_others


def test_busy_is_who_has_more_than_a_few_things_under_way():
    courtesy = Courtesy()
    with courtesy.having(parties(user_id=1), FEW):
        before = courtesy.is_busy(BUSY), courtesy.is_busy(BUSY, 1), courtesy.is_busy(OTHER, 1)
        with courtesy.having(parties(user_id=1)):
            busy = courtesy.is_busy(BUSY)

    assert before == (False, True, False)
    assert busy
    assert not courtesy.is_busy(BUSY, FEW)


def test_what_a_process_has_loaded_is_not_looked_through_again():
    kept = [[] for _ in range(1000)]
    try:
        settle()

        assert gc.get_freeze_count() >= len(kept)
    finally:
        gc.unfreeze()
