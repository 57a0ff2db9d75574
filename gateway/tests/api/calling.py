"""How tests call functions of ccxt, and what their exchange answers with."""

import asyncio
import json

from accounts.audit import OPERATOR
from accounts.models import Account
from accounts.rights.permissions import Caller
from accounts.services.accounts import upsert_credentials
from gateway.api.requests import Asked, answer
from oms_project.errors import OmsError
from positions.api.pool import in_pool
from positions.tests.desk import Desk

TICKER = {"symbol": "BTCUSDT", "lastPrice": "60000.10", "bidPrice": "1", "askPrice": "2",
          "closeTime": 1795646742019}  # fmt: skip
TICKERS = "GET /api/v3/ticker/24hr"


def with_login(desk: Desk) -> Desk:
    upsert_credentials(account=desk.account, api_key="k" * 20, secret="never shown", by=OPERATOR)
    return desk


async def call(caller: Caller, account: Account, func: str, *args, core=None, **kwargs):
    """Status and body of one call."""
    path = f"/ccxt/{account.pk}/{func}" if core is None else f"/ccxt/core/{account.pk}/{func}"
    return await post(caller, path, {"args": args, "kwargs": kwargs} if core is None else core)


async def post(caller: Caller, path: str, body, **query: str):
    """Status and body of one request."""
    asked = Asked(caller, path, json.dumps(body).encode(), "application/json", query, "r-1")
    try:
        status, text = await answer(asked)
    except OmsError as error:
        return error.status, error.body("r-1")
    return status, json.loads(text)


def raw_order(order_id: str) -> dict:
    """One resting order as Binance writes it."""
    return {"symbol": "BTCUSDT", "orderId": int(order_id), "clientOrderId": f"c{order_id}",
            "price": "100.00", "origQty": "1.00", "executedQty": "0.00", "status": "NEW",
            "type": "LIMIT", "side": "BUY", "timeInForce": "GTC", "time": 1}  # fmt: skip


async def until(is_so, within_s: float = 5) -> None:
    """Wait until something happens elsewhere."""
    async with asyncio.timeout(within_s):
        while not is_so():
            await asyncio.sleep(0.01)


async def until_in_pool(is_so, within_s: float = 5) -> None:
    """The same for what the database says."""
    async with asyncio.timeout(within_s):
        while not await in_pool(is_so):
            await asyncio.sleep(0.01)
