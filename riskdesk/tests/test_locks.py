"""A kill switch waits for no lane: what only a database with row locks can show."""

import threading

import pytest
from django.db import connections

from accounts.audit import Actor
from accounts.tests import builders
from oms_project.errors import RiskBlocked
from positions.outbox import holding
from positions.tests.desk import Desk
from riskdesk.models import KillSwitch
from riskdesk.tests.acting import kill
from riskdesk.words import KillScope

pytestmark = [
    pytest.mark.mariadb,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("row_locks"),
]
SOON_S = 20


def test_the_row_counts_while_another_transaction_holds_the_lane():
    desk, officer = Desk(), builders.user("officer", "risk")
    waiting = desk.send()
    by = Actor(officer.pk, officer.username)

    def pull() -> None:
        kill(by, KillScope.ACCOUNT, desk.account.pk)
        connections.close_all()

    puller = threading.Thread(target=pull)
    pulled = threading.Event()
    with holding(desk.account.pk):
        puller.start()
        while not pulled.wait(0.05):
            if KillSwitch.objects.filter(holds__isnull=False).exists():
                pulled.set()
        was_waiting = puller.is_alive()
    puller.join(SOON_S)

    assert was_waiting, "the switch was there before the rest could be done"
    assert desk.fresh(waiting).status == "REJECTED"
    with pytest.raises(RiskBlocked):
        desk.send()
