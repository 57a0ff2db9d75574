"""Acts that multiply rights: every ordered pair of acts, by several kinds of holder.

The second act is tried with the holder's key and with every key that the first one made. What
counts is what is in the database afterwards, never a status: whatever the pair brought about has to
be something that the holder may do. ``halted`` is a key that trades and is held back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from accounts import services
from accounts.audit import OPERATOR
from accounts.models import ApiKey
from accounts.rights.acts import Act
from accounts.tests import builders
from accounts.words import Role
from tests.access.acts import DEEDS, NOTHING, Hands
from tests.access.conftest import PAIRS, on_fakes
from tests.access.judging import HOLDERS, Judge, State
from tests.access.stage import staged
from tests.access.world import World

pytestmark = pytest.mark.django_db
SHARES = 2  # Of each holder's pairs, so that two cores have the same to do.


@pytest.fixture(scope="module")
def stage(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Everything that the acts are about, once: each try is undone."""
    with on_fakes(), django_db_blocker.unblock(), transaction.atomic():
        with staged() as world:
            yield world
        transaction.set_rollback(True)


def test_every_row_of_the_table_is_an_act_of_the_pairs():
    missing = {*Act} - {deed.row for deed in DEEDS.values()}

    assert not missing, "add to tests/access/acts.py: " + ", ".join(sorted(missing))


@pytest.mark.parametrize("name", [name for name, deed in DEEDS.items() if deed.can])
def test_each_act_does_something_for_who_may(stage, name):
    """Or else the pairs of it would prove nothing."""
    deed = DEEDS[name]
    judge = Judge(stage, deed.can, State.read())
    with undone():
        told = deed.do(Hands(stage, stage.keys[deed.can]))
        now = State.read()
        done, leaks = judge.effects(now, told), judge.leaks(told)

    assert done or now.keys != judge.before.keys, f"{name} did nothing: {told}"
    assert leaks == []


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("holder", HOLDERS)
def test_no_pair_of_acts_brings_about_what_its_holder_may_not(
    stage, holder, share, record_property
):
    judge = Judge(stage, holder, State.read())
    leaks: list[Any] = []
    tried, carried_out = 0, 0
    firsts = [*DEEDS][share::SHARES]
    for first in firsts:
        with undone(), writes() as written:
            made = DEEDS[first].do(Hands(stage, stage.keys[holder]))
            tried += len(DEEDS)
            # What was refused and left nothing: the pair is then the second act alone.
            if first == NOTHING or (written and State.read() != judge.before):
                carried_out += len(DEEDS)
                leaks += [(first, *leak) for leak in _seconds(judge, made)]
    record_property(PAIRS, (tried, carried_out, len(leaks)))

    assert tried == len(firsts) * len(DEEDS)
    assert leaks == []


def _seconds(judge: Judge, made: Any) -> Iterator[tuple[str, str]]:
    """Every act after the first one, which answered ``made``; those that leaked something."""
    for name, deed in DEEDS.items():
        for text in _texts(judge, made):
            with undone(), writes() as written:
                told = deed.do(Hands(judge.world, text))
                if written or told is not None or name == NOTHING:
                    yield from ((name, leak) for leak in judge.leaks(told))


def _texts(judge: Judge, made: Any) -> list[str]:
    """The holder's key, and one that was made for the holder."""
    plain = made.get("api_key") if isinstance(made, dict) else None
    mine = judge.world.keys[judge.holder]
    return [mine, *([plain] if plain and judge.holder != "admin" else [])]


@contextmanager
def undone() -> Iterator[None]:
    """What is done inside leaves nothing."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def writes() -> Iterator[list[str]]:
    """The statements that wrote something, so that what wrote nothing need not be judged."""
    found: list[str] = []

    def note(execute: Any, sql: str, *args: Any) -> Any:
        if sql.lstrip().split(" ", 1)[0] in ("INSERT", "UPDATE", "DELETE", "REPLACE"):
            found.append(sql)
        return execute(sql, *args)

    with connection.execute_wrapper(note):
        yield found


def test_the_judge_sees_a_leak(stage):
    judge = Judge(stage, "readonly", State.read())
    with undone():
        services.create_strategy(name="x", account_ids=[], by=OPERATOR)
        stage.desk.send(strategy_id=stage.ids["own"])
        ApiKey.objects.filter(pk=stage.ids["trade_key"]).update(status="revoked")
        builders.user("boss", Role.ADMIN)
        found = judge.leaks()

    assert {*found} == {"a strategy", "an opening order", "a key was changed", "an admin"}


@pytest.mark.parametrize(
    ("name", "holder", "leaked"),
    [
        ("kill", "trade", "a kill"),
        ("kill and flatten", "halted", "a flatten"),
        ("release", "restricted risk", "a release"),
        ("limit a strategy", "restricted risk", "limits of a strategy"),
        ("block the account", "admin", "a status"),
        ("write off", "trade", "a position written off"),
        ("adopt", "restricted risk", "a doubt ended"),
        ("close again", "trade", "a close in doubt given again"),
        ("change", "risk", "a change of an order"),
        ("set leverage", "restricted", "a setting of the account"),
        ("see the balance", "restricted", "a sight of the balance"),
        ("read", "restricted", "a sight of orders"),
        ("merge", "restricted", "a merge"),
    ],
)
def test_the_judge_sees_what_another_hand_did(stage, name, holder, leaked):
    """What one who may has done is a leak where it is found at another's."""
    judge, deed = Judge(stage, holder, State.read()), DEEDS[name]
    can = "trade" if name == "read" else deed.can
    with undone():
        found = judge.leaks(deed.do(Hands(stage, stage.keys[can])))

    assert leaked in found
