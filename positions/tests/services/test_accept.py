"""A command is stored once, whatever is repeated."""

import pytest

from accounts.rights.permissions import AccountRights, Caller
from accounts.words import Right
from oms_project.errors import AccountNotFound, IdempotencyConflict, Invalid, PermissionDenied
from positions.models import Command, Order
from positions.tests.fakes import LINEAR

BUY = {"symbol": LINEAR, "side": "buy", "type": "market", "qty": "1"}


def test_repeating_a_request_id_sends_nothing_twice(desk):
    first = desk.give("send_order", request_id="r-1", **BUY)

    again = desk.give("send_order", request_id="r-1", **BUY)

    assert again.pk == first.pk
    assert Order.objects.count() == 1


def test_the_same_number_written_otherwise_is_the_same_body(desk):
    first = desk.give("send_order", request_id="r-1", **BUY)

    again = desk.give("send_order", request_id="r-1", **BUY | {"qty": "1.000"})

    assert again.pk == first.pk


def test_an_alias_is_the_same_body(desk):
    first = desk.give("send_order", request_id="r-1", **BUY)
    renamed = {"symbol": LINEAR, "side": "buy", "order_type": "market", "amount": 1}

    again = desk.give("send_order", request_id="r-1", **renamed)

    assert again.pk == first.pk


def test_another_body_under_the_same_id_is_a_conflict(desk):
    first = desk.give("send_order", request_id="r-1", **BUY)

    with pytest.raises(IdempotencyConflict) as refusal:
        desk.give("send_order", request_id="r-1", **BUY | {"qty": "2"})

    assert refusal.value.details["command_id"] == first.pk
    assert Order.objects.count() == 1


def test_a_refusal_does_not_use_up_the_request_id(desk):
    with pytest.raises(Invalid):
        desk.give("send_order", request_id="r-1", **BUY | {"qty": "0.0001"})

    accepted = desk.give("send_order", request_id="r-1", **BUY)

    assert accepted.status == "accepted"


def test_another_user_may_use_the_same_request_id(desk, new_desk):
    other = new_desk()

    first = desk.give("send_order", request_id="r-1", **BUY)
    second = other.give("send_order", request_id="r-1", **BUY)

    assert first.pk != second.pk


def test_without_request_ids_equal_bodies_are_two_orders(desk):
    desk.give("send_order", **BUY)
    desk.give("send_order", **BUY)

    assert Order.objects.count() == 2


def test_the_same_id_on_another_account_is_a_conflict(desk, new_desk):
    other = new_desk()
    other.user, other.caller = desk.user, other.caller
    other.caller = other.caller_with()
    desk.give("send_order", request_id="r-1", **BUY)

    with pytest.raises(IdempotencyConflict):
        other.give("send_order", request_id="r-1", **BUY)

    assert Order.objects.count() == 1


def test_the_loser_of_a_race_between_two_accounts_reads_again(desk, new_desk, venue):
    """The other account's command is stored after we looked for the id."""
    other = new_desk()
    rights = {each.account.pk: AccountRights(frozenset(Right)) for each in (desk, other)}
    user = desk.user
    caller = Caller(user.pk, user.username, desk.caller.role, None, rights)
    venue.meanwhile = lambda: other.give("send_order", request_id="r-1", caller=caller, **BUY)

    with pytest.raises(IdempotencyConflict):
        desk.give("send_order", request_id="r-1", caller=caller, **BUY)

    assert Command.objects.get().account_id == other.account.pk
    assert Order.objects.count() == 1


def test_the_loser_of_a_race_for_the_same_body_answers_the_winner(desk, venue):
    winners = []
    venue.meanwhile = lambda: winners.append(desk.give("send_order", request_id="r-1", **BUY))

    command = desk.give("send_order", request_id="r-1", **BUY)

    assert [command] == winners
    assert Order.objects.count() == 1


def test_who_may_not_read_the_account_gives_no_commands(desk, new_desk):
    with pytest.raises(AccountNotFound):
        desk.give("send_order", caller=new_desk().caller, **BUY)
    with pytest.raises(PermissionDenied):
        desk.give("send_order", caller=desk.caller_with(rights=frozenset({Right.TRADE})), **BUY)
