"""What a command says about itself when the client does not."""

import pytest

from accounts.words import Role


@pytest.mark.parametrize(
    ("role", "given", "reason"),
    [
        (Role.TRADER, None, "trader"),
        (Role.PORTFOLIO_MANAGER, None, "portfolio_manager"),
        (Role.ROBOT, None, "robot"),
        (Role.TRADER, "api", "api"),
    ],
)
def test_the_reason_is_the_callers_role_unless_given(desk, role, given, reason):
    options = {"reason": given} if given else {}

    order = desk.send(caller=desk.caller_with(role), **options)

    assert order.reason == reason


def test_a_command_keeps_what_was_asked(desk):
    command = desk.give("cancel_all_orders", request_id="r-1", symbol="BTC/USDT")

    stored = desk.fresh(command)

    assert (stored.kind, stored.request_id) == ("cancel_all_orders", "r-1")
    assert stored.payload == {"symbol": "BTC/USDT"}
    assert stored.user_id == desk.user.pk
