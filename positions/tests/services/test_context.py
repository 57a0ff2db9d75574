"""What a command says about itself when the client does not."""

import pytest

from accounts.words import Role
from oms_project.errors import Invalid
from positions.models import Order


@pytest.mark.parametrize(
    ("role", "given", "reason"),
    [
        (Role.TRADER, None, "trader"),
        (Role.PORTFOLIO_MANAGER, None, "portfolio_manager"),
        (Role.ROBOT, None, "robot"),
        (Role.ROBOT, "robot", "robot"),
    ],
)
def test_the_reason_is_the_callers_role(desk, role, given, reason):
    options = {"reason": given} if given else {}

    order = desk.send(caller=desk.caller_with(role), **options)

    assert order.reason == reason


@pytest.mark.parametrize("given", ["api", "risk", "trader"])
@pytest.mark.parametrize("kind", ["send_order", "close_position"])
def test_another_reason_than_the_role_is_refused(desk, kind, given):
    robot = desk.caller_with(Role.ROBOT)
    position = desk.bought("1")
    orders = {"symbol": desk.symbol, "type": "market", "side": "buy", "qty": "1"}
    asked = {"position_id": position.pk} if kind == "close_position" else orders

    with pytest.raises(Invalid) as refusal:
        desk.give(kind, caller=robot, **asked, reason=given)

    assert refusal.value.details == {"field": "reason", "limit": "robot", "value": given}
    assert Order.objects.open().count() == 0


def test_a_command_keeps_what_was_asked(desk):
    command = desk.give("cancel_all_orders", request_id="r-1", symbol="BTC/USDT")

    stored = desk.fresh(command)

    assert (stored.kind, stored.request_id) == ("cancel_all_orders", "r-1")
    assert stored.payload == {"symbol": "BTC/USDT"}
    assert stored.user_id == desk.user.pk
