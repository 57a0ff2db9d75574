"""Order functions are commands of the OMS."""

import asyncio

import pytest

from gateway.tests.api.calling import (
    call,
    until_in_pool,
)
from positions import projector
from positions.api.pool import in_pool
from positions.models import Order

# Readers look into the database on threads of their own.
pytestmark = pytest.mark.django_db(transaction=True)


async def test_an_order_is_a_command_and_its_answer_ccxts(desk):
    asked = asyncio.create_task(
        call(desk.caller, desk.account, "createOrder", "BTC/USDT", "limit", "buy", "0.5", 100,
             {"clientOrderId": "mine", "comment": "by ccxt"})
    )  # fmt: skip
    await until_in_pool(Order.objects.exists)
    order = await in_pool(Order.objects.get)
    await in_pool(lambda: desk.fill(order, "0.5", "99"))

    status, body = await asked

    shown = body["result"]
    assert (status, shown["status"], shown["filled"], shown["average"]) == (
        200,
        "closed",
        "0.5",
        "99",
    )
    assert (shown["clientOrderId"], shown["info"]["comment"]) == ("mine", "by ccxt")
    assert shown["info"]["reason"] == "trader"
    assert await in_pool(lambda: order.command.kind) == "send_order"


async def test_an_order_in_doubt_is_202_without_a_status(desk):
    asked = asyncio.create_task(
        call(desk.caller, desk.account, "createMarketBuyOrder", "BTC/USDT", "0.5",
             params={"request_id": "once"})
    )  # fmt: skip
    await until_in_pool(Order.objects.exists)
    order = await in_pool(Order.objects.get)

    def lose() -> None:
        claim = desk.claim_one()
        projector.mark_unknown(claim.instruction.pk, claim.fence)

    await in_pool(lose)
    status, body = await asked
    again = await call(desk.caller, desk.account, "createMarketBuyOrder", "BTC/USDT", "0.5",
                       params={"request_id": "once"})  # fmt: skip
    seen = await call(desk.caller, desk.account, "fetchOrder", body["result"]["id"])

    assert (status, body["result"]["id"], body["result"]["status"]) == (
        202,
        f"oms:{order.pk}",
        None,
    )
    assert again[1]["result"]["id"] == seen[1]["result"]["id"] == f"oms:{order.pk}"
    assert await in_pool(Order.objects.count) == 1


async def test_an_order_that_the_rules_refuse_stores_nothing(desk):
    status, body = await call(
        desk.caller, desk.account, "create_order", core={
            "symbol": "BTC/USDT", "order_type": "limit", "side": "buy", "amount": 1,
            "price": "1.001",
        },
    )  # fmt: skip

    assert (status, body["code"], body["details"]["field"]) == (422, "validation_error", "price")
    assert not await in_pool(Order.objects.exists)


async def test_of_several_orders_the_refused_one_is_shown_in_its_place(desk):
    one = {"symbol": "BTC/USDT", "type": "limit", "side": "buy", "amount": 1, "price": 100}
    asked = asyncio.create_task(
        call(desk.caller, desk.account, "createOrders", [one | {"price": "1.001"}, one])
    )
    await until_in_pool(Order.objects.exists)
    order = await in_pool(Order.objects.get)
    await in_pool(lambda: desk.fill(order, "1", "99"))

    status, body = await asked

    refused, taken = body["result"]
    assert status == 200
    assert (refused["status"], refused["info"]["error"]["code"]) == ("rejected", "validation_error")
    assert taken["status"] == "closed"
