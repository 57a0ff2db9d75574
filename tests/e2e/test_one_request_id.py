"""A hundred senders with one request id, again and again: one order each time, sent once.

``OMS_SENDERS_ROUNDS`` sets how often (5).
"""

import asyncio
import json
import os
import time
from collections import Counter

import aiohttp
import pytest

from tests.e2e.agreement import check, orders_of
from tests.e2e.product import Json, Product

pytestmark = pytest.mark.e2e
ROUNDS = int(os.environ.get("OMS_SENDERS_ROUNDS", "5"))
SENDERS = 100


def test_a_hundred_senders_of_one_request_id_make_one_order(product):
    account = product.account("ccxt.binanceusdm")
    before = {order["id"] for order in orders_of(product, account)}
    started = time.monotonic()

    answered = asyncio.run(_rounds(product, account))

    seconds = time.monotonic() - started
    made = {order["id"] for order in orders_of(product, account)} - before
    statuses = sum((Counter(one.statuses) for one in answered), start=Counter())
    print(
        f"\ntorture: one request id, {product.mode}: {ROUNDS} times {SENDERS} senders in "
        f"{seconds:.0f} s, {len(made)} orders, answers {dict(statuses)}"
    )
    assert [len(one.order_ids) for one in answered] == [1] * ROUNDS
    assert set().union(*(one.order_ids for one in answered)) == made
    assert len(made) == ROUNDS
    assert set(statuses) <= {200, 202}
    check(product, account)  # Each was posted once, among other things.


class Answered:
    """What the senders of one request id were told."""

    def __init__(self) -> None:
        self.order_ids: set[int] = set()
        self.statuses: list[int] = []

    def note(self, status: int, body: Json) -> None:
        self.statuses.append(status)
        for result in body["results"]:
            assert result["ok"], result
            self.order_ids |= {order["id"] for order in result["orders"]}


async def _rounds(product: Product, account: Json) -> list[Answered]:
    headers = {"x-api-key": product.facts["api_key"], "content-type": "application/json"}
    connector = aiohttp.TCPConnector(limit=SENDERS)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as client:
        return [await _round(product, account, client, number) for number in range(ROUNDS)]


async def _round(
    product: Product, account: Json, client: aiohttp.ClientSession, number: int
) -> Answered:
    answered = Answered()
    payload = {"symbol": account["symbols"][0], "side": ("buy", "sell")[number % 2],
               "order_type": "market", "qty": "0.002", "strategy_id": 1}  # fmt: skip
    body = json.dumps({"account_id": account["id"], "command": "send_order", "payload": payload,
                       "request_id": f"one-{product.mode}-{number}"})  # fmt: skip

    async def send() -> None:
        url = f"{product.base}/oms/commands?wait_ms=10000"
        async with client.post(url, data=body) as answer:
            answered.note(answer.status, await answer.json())

    await asyncio.gather(*(send() for _ in range(SENDERS)))
    return answered
