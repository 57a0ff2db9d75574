"""Parallel orders cannot slip through a limit together."""

import threading

import pytest
from django.db import connections

from accounts.audit import Actor
from accounts.tests import builders
from oms_project.errors import RiskBlocked
from positions.models import Order
from positions.tests.desk import Desk
from riskdesk.tests.acting import limit

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 20
ORDERS = 200
ADMITTED = 10


def test_of_two_hundred_parallel_orders_exactly_those_within_the_limit_pass():
    desk, officer = Desk(), builders.user("officer", "risk")
    limit(desk, Actor(officer.pk, officer.username), max_open_orders=ADMITTED)
    start, outcomes, failures = threading.Barrier(THREADS), [], []

    def send() -> None:
        try:
            start.wait()
            for _ in range(ORDERS // THREADS):
                try:
                    desk.send()
                    outcomes.append("accepted")
                except RiskBlocked:
                    outcomes.append("risk_blocked")
        except Exception as failure:
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert outcomes.count("accepted") == Order.objects.count() == ADMITTED
    assert outcomes.count("risk_blocked") == ORDERS - ADMITTED
