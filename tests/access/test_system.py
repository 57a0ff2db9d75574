"""What is there, what waits, and who may know: health, status and metrics."""

import re
from http import HTTPStatus

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from gateway.worker import heartbeat
from oms_project.watching.status import figures

pytestmark = pytest.mark.django_db
TOKEN = "a token for scrapes"


@pytest.fixture
def scrape(settings):
    """``GET /metrics`` with a header."""
    settings.OMS_METRICS_TOKEN = TOKEN

    def scrape(authorization=f"Bearer {TOKEN}"):
        headers = {"Authorization": authorization} if authorization else {}
        return Client(headers=headers).get("/metrics")

    return scrape


def number(text, line):
    """The value of one line of the text form."""
    return float(re.search(rf"^{re.escape(line)} (\S+)$", text, re.M)[1])


def test_metrics_open_with_the_token_only(world, scrape, settings):
    for wrong in ("", "Bearer", "Bearer wrong", TOKEN, f"Basic {TOKEN}"):
        answer = scrape(wrong)
        assert answer.status_code == HTTPStatus.UNAUTHORIZED
        assert set(answer.json()) == {"code", "message", "details", "request_id"}
    assert scrape().status_code == HTTPStatus.OK

    settings.OMS_METRICS_TOKEN = ""
    assert scrape("Bearer ").status_code == HTTPStatus.UNAUTHORIZED


def test_metrics_tell_how_accounts_stand(world, scrape):
    account = world.ids["account"]
    with transaction.atomic():
        world.desk.send()
        answer = scrape()
        transaction.set_rollback(True)

    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    pending = f'oms_instructions{{account="{account}",state="pending"}}'
    assert number(answer.text, pending) == 1
    assert number(answer.text, f'oms_open_positions{{account="{account}"}}') == 6
    assert number(answer.text, f'oms_account_blocked{{account="{account}"}}') == 0
    assert number(answer.text, f'oms_open_orders{{account="{account}",status="SUBMITTED"}}') == 2


def test_requests_are_counted_by_route_and_never_by_id(world, scrape):
    line = 'oms_http_requests_total{method="GET",route="/oms/orders/<str:ids>",status="200"}'
    path = f"/oms/orders/{world.ids['own_order']}"
    world.ask("trade", "GET", path)
    before = number(scrape().text, line)

    world.ask("trade", "GET", path)

    text = scrape().text
    assert number(text, line) == before + 1
    assert path not in text


def test_the_status_says_what_waits_where(world):
    status, body = world.ask("admin", "GET", "/system/status")

    assert status == HTTPStatus.OK
    assert (body["ready"], body["missing"]) == (True, [])
    assert body["worker_seen_s_ago"] is None
    row = next(row for row in body["accounts"] if row["account_id"] == world.ids["account"])
    assert (row["open_orders"], row["unknown_orders"], row["open_positions"]) == (2, 0, 6)
    assert set(row["instructions"]) == {"pending", "sending", "doubtful"}
    heartbeat.beat()
    assert world.ask("admin", "GET", "/system/status")[1]["worker_seen_s_ago"] >= 0


def test_the_status_takes_the_same_number_of_queries_whatever_the_number_of_accounts(
    world, django_assert_num_queries
):
    with django_assert_num_queries(7):
        assert len(figures(timezone.now())) == 2
