"""What is stored so that an order will be sent."""

from datetime import timedelta

from django.conf import settings

from positions.models import Event


def test_a_market_order_is_too_late_sooner_than_a_limit_order(desk):
    market, limit = desk.send(), desk.send(price="100")

    (now,), (later,) = desk.instructions(market), desk.instructions(limit)

    assert now.send_before - now.created_at == timedelta(seconds=settings.OMS_MARKET_SEND_WITHIN_S)
    assert later.send_before - later.created_at == timedelta(seconds=settings.OMS_SEND_WITHIN_S)


def test_every_order_has_an_id_of_its_own_at_the_exchange(desk):
    ids = {desk.send().exchange_client_order_id for _ in range(5)}

    assert len(ids) == 5
    assert all(len(each) == 18 and each[0].lower() != "t" for each in ids)


def test_acceptance_is_told_with_the_whole_row(desk):
    order = desk.send(strategy_id=desk.strategy().pk)

    event = Event.objects.get()

    assert (event.seq, event.event, event.strategy_id) == (1, "order_accepted", order.strategy_id)
    assert event.payload["id"] == order.pk
    assert event.payload["status"] == "PENDING_SUBMIT"


def test_params_keep_their_digits(desk):
    order = desk.send(params={"workingType": "MARK_PRICE"})

    assert desk.fresh(order).params == {"workingType": "MARK_PRICE"}
