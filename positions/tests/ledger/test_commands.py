"""What an operator sees."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from positions.models import Deal
from positions.tests.desk import Desk


@pytest.fixture
def desks(db):
    """Two accounts with a deal each."""
    both = [Desk(), Desk()]
    for desk in both:
        desk.bought("1")
    return both


def run(name, *words):
    out = StringIO()
    code = 0
    try:
        call_command(name, *words, stdout=out)
    except SystemExit as end:
        code = end.code
    return code, out.getvalue()


@pytest.mark.parametrize("words", [("rebuild_positions", "--verify"), ("verify_ledger",)])
def test_a_clean_ledger_ends_with_success(desks, words):
    code, out = run(*words)

    assert code == 0
    assert "2 bookings of 2 accounts" in out
    assert out.endswith("differences: 0\n")


@pytest.mark.parametrize("words", [("rebuild_positions", "--verify"), ("verify_ledger",)])
def test_a_difference_is_named_and_ends_with_failure(desks, words):
    Deal.objects.filter(account=desks[1].account).update(profit="0.000000000000000001")

    code, out = run(*words)
    clean, _ = run(*words, "--account-id", str(desks[0].account.pk))

    assert (code, clean) == (1, 0)
    assert f"account {desks[1].account.pk}  " in out
    assert "0.000000000000000001" in out
    assert out.endswith("differences: 1\n")


def test_only_some_of_many_differences_are_printed(desks, monkeypatch):
    monkeypatch.setattr("positions.ledger.showing.MOST_SHOWN", 1)
    Deal.objects.update(profit="1", fee="1")

    _, out = run("rebuild_positions", "--verify")

    assert "… and 3 more" in out


def test_the_table_names_every_check(desks):
    _, out = run("verify_ledger")

    assert out.count("yes") == 16
    assert "booking numbers have no gap" in out


@pytest.mark.parametrize("words", [("rebuild_positions", "--verify"), ("verify_ledger",)])
def test_an_account_that_is_not_there_is_an_error(desks, words):
    with pytest.raises(CommandError, match="no account 99"):
        call_command(*words, "--account-id", "99")


def test_nothing_is_rebuilt_in_place(desks):
    with pytest.raises(CommandError, match="--verify"):
        call_command("rebuild_positions")
