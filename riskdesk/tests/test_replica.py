"""What the risk desk does is told completely: snapshot + events = new snapshot."""

import pytest

from accounts.words import AccountStatus
from positions.models import Event
from positions.tests.replica import told_completely
from riskdesk import services
from riskdesk.tests.acting import WHY, halt, kill, limit
from riskdesk.words import KillScope


def allow(desk, by):
    services.allow_new_positions(account_id=desk.account.pk, allowed=False, comment=WHY, by=by)


def block(desk, by):
    services.set_account_status(
        account_id=desk.account.pk, status=AccountStatus.BLOCKED, comment=WHY, by=by
    )


def limit_size(desk, by):
    limit(desk, by, max_order_qty="1")


def flatten(desk, by):
    kill(by, KillScope.ACCOUNT, desk.account.pk, flatten=True)


def release(desk, by):
    flatten(desk, by)
    services.release(scope=KillScope.ACCOUNT, target_id=desk.account.pk, comment=WHY, by=by)


ACTS = {
    "allow_new_positions": (allow, "account_allow_new_positions_changed"),
    "pull": (flatten, "kill_switch_changed"),
    "release": (release, "kill_switch_changed"),
    "set_account_status": (block, "account_status_changed"),
    "set_halt": (halt, "halt_changed"),
    "set_limits": (limit_size, "limits_changed"),
}


@pytest.mark.parametrize(("act", "event"), ACTS.values(), ids=ACTS)
def test_a_service_of_the_risk_desk_tells_everything(act, event, new_desk, by):
    desk = new_desk(position_mode="hedge")
    desk.bought("2")
    desk.filled("sell", "1")
    desk.rest()
    desk.send()

    with told_completely(desk):
        act(desk, by)

    assert Event.objects.filter(event=event, namespace="risk").exists()


def test_every_service_is_among_them():
    assert set(ACTS) == {name for name in services.__all__ if name[0].islower()}
