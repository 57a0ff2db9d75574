"""Lists as files, and marks over the socket, from the running product."""

import asyncio
import csv
import io
import json
import zipfile

import aiohttp
import pytest
import requests

pytestmark = pytest.mark.e2e


def exported(product, path, shape, **query):
    answer = requests.get(
        f"{product.base}{path}/export",
        params=query | {"format": shape},
        headers={"x-api-key": product.facts["api_key"]},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("path", ["/oms/orders/history", "/oms/deals", "/oms/events"])
def test_a_file_from_the_port_has_the_rows_of_the_list(product, path):
    account = product.account("ccxt.binance")
    for _ in range(3):
        product.buy(account, "0.01", comment="=1+1")
    rows = product.every(path, account_ids=account["id"])

    told = json.loads(exported(product, path, "json", account_ids=account["id"]).content)
    text = exported(product, path, "csv", account_ids=account["id"])
    book = exported(product, path, "xlsx", account_ids=account["id"])

    # Reconciliation may have told something since: new events are last, everything else first.
    count = len(rows)
    found = told["items"][:count] if path == "/oms/events" else told["items"][-count:]
    assert found == rows
    assert len(list(csv.reader(io.StringIO(text.content.decode(), newline="")))) > count
    assert zipfile.ZipFile(io.BytesIO(book.content)).testzip() is None
    assert "attachment" in book.headers["content-disposition"]


def test_positions_are_marked_over_the_socket(product):
    account = product.account("ccxt.binance")
    held = product.buy(account, "0.01")["position_id"]

    async def first_mark():
        headers = {"x-api-key": product.facts["api_key"]}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.ws_connect(f"{product.base}/ws") as wire,
        ):
            wish = {"account_ids": [account["id"]], "with_snapshot": False}
            await wire.send_json({"id": 1, "action": "subscribe", "payload": wish})
            async for message in wire:
                told = json.loads(message.data)
                if told.get("event") == "positions_marked":
                    return told

    told = asyncio.run(asyncio.wait_for(first_mark(), 60))

    (mark,) = [each for each in told["payload"]["positions"] if each["id"] == held]
    assert "seq" not in told
    assert mark["mark_price"] is not None
    assert mark["floating_profit"] is not None
