"""One order with all that belongs to it."""

from http import HTTPStatus

import pytest
from django.test import Client
from django.utils import timezone

from accounts.tests import builders
from gateway.models import RawOrder
from positions import stories
from positions.models import ExchangeOrder

pytestmark = pytest.mark.django_db


def ask(desk, order_id, key=None):
    key = key or builders.key(desk.user, desk.account)
    return Client(headers={"x-api-key": key.plain}).get(f"/oms/orders/{order_id}/story")


def said(desk, order, text, fingerprint):
    number = ExchangeOrder.objects.get(order=order, is_current=True).exchange_order_id
    return RawOrder.objects.create(
        account=desk.account, exchange_id="binance", exchange_order_id=number, raw_json=text,
        fingerprint=fingerprint, observed_at=timezone.now(),
    )  # fmt: skip


def test_an_order_is_told_from_its_giver_to_its_position_and_the_exchanges_words(desk):
    order = desk.rest(qty="0.1", price="90")
    ExchangeOrder.objects.filter(order=order).update(exchange_order_id="71")
    desk.fill(order, "0.1", "90")
    said(desk, order, '{"id": "71"}', "a")
    other = desk.rest(qty="0.2", price="80")
    ExchangeOrder.objects.filter(order=other).update(exchange_order_id="72")
    said(desk, other, '{"id": "72"}', "b")

    told = ask(desk, order.pk).json()

    assert told["given_by"]["user_name"] == desk.user.username
    assert [each["qty"] for each in told["executions"]] == ["0.1"]
    assert [each["order_id"] for each in told["deals"]] == [order.pk]
    assert [each["id"] for each in told["positions"]] == [told["deals"][0]["position_id"]]
    names = [each["event"] for each in told["events"]]
    assert {"order_accepted", "deal_created", "position_opened"} <= {*names}
    assert all(each["payload"].get("id") != other.pk for each in told["events"]
               if each["event"].startswith("order_"))  # fmt: skip
    assert told["events_complete"]
    assert [each["raw_json"] for each in told["raw_orders"]] == ['{"id": "71"}']


def test_a_long_life_among_many_events_is_told_by_its_ends(desk, monkeypatch):
    monkeypatch.setattr(stories, "EVENTS_AROUND", 2)
    order = desk.rest(qty="0.1", price="90")
    for _ in range(5):
        desk.rest(qty="0.1", price="80")
    desk.fill(order, "0.1", "90")

    told = ask(desk, order.pk).json()

    assert not told["events_complete"]
    assert told["events"][0]["event"] == "order_accepted"
    assert "deal_created" in [each["event"] for each in told["events"]]


def test_the_order_of_a_strategy_that_a_key_does_not_see_does_not_exist(desk, two_strategies):
    _, mine, theirs = two_strategies
    user = builders.user("another", "robot")
    key = builders.key(user, desk.account, strategies=[desk.strategy()])

    for number in (mine.pk, theirs.pk, 10**15):
        assert ask(desk, number, key).status_code == HTTPStatus.NOT_FOUND
