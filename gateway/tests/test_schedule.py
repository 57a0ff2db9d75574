"""Which loop is next, and when?"""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.schedule import Loop, Schedule, loops
from gateway.words import Scope

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
USUAL = loops({})


def after(**ago_s: int) -> Schedule:
    """Loops that were last run so many seconds before noon."""
    return Schedule({Scope(name): NOON - timedelta(seconds=s) for name, s in ago_s.items()})


def test_the_loops_are_the_contracts_and_a_policy_changes_single_numbers():
    assert USUAL == {
        Scope.SHORT: Loop(60, 600),
        Scope.HOURLY: Loop(3600, 7200),
        Scope.LONG: Loop(86400, 864000),
    }
    changed = loops({"short": {"every_s": 5}, "long": {"look_back_s": 99}})
    assert changed[Scope.SHORT] == Loop(5, 600)
    assert changed[Scope.LONG] == Loop(86400, 99)


def test_an_account_that_was_never_read_is_read_as_far_back_as_it_goes():
    assert Schedule({}).next(USUAL, NOON) == (Scope.LONG, 0)


@pytest.mark.parametrize(
    ("ago_s", "expected"),
    [
        ({"short": 10, "hourly": 10, "long": 10}, (Scope.SHORT, 50)),
        ({"short": 70, "hourly": 70, "long": 70}, (Scope.SHORT, 0)),
        ({"short": 70, "hourly": 3600, "long": 3600}, (Scope.HOURLY, 0)),
        ({"short": 70, "hourly": 3700, "long": 86400}, (Scope.LONG, 0)),
        ({"short": 10, "hourly": 3590, "long": 86400}, (Scope.LONG, 0)),
        ({"short": 10, "hourly": 3590, "long": 3590}, (Scope.HOURLY, 10)),
    ],
)
def test_the_longest_of_those_that_are_due_comes_first(ago_s, expected):
    assert after(**ago_s).next(USUAL, NOON) == expected


def test_a_longer_loop_stands_for_the_shorter_ones():
    schedule = after(short=500, hourly=500, long=500)

    schedule.ran(Scope.HOURLY, NOON)

    assert schedule.next(USUAL, NOON) == (Scope.SHORT, 60)
    assert schedule.next(USUAL, NOON + timedelta(days=1))[0] is Scope.LONG


def test_a_period_stands_for_no_loop():
    schedule = after(short=30, hourly=30, long=30)

    schedule.ran(Scope.PERIOD, NOON)

    assert schedule.next(USUAL, NOON) == (Scope.SHORT, 30)
