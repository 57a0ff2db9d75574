"""Many clients, orders running, servers killed: everyone ends with exactly the event log.

Sizes come from the environment: OMS_CROWD_CLIENTS=200 OMS_CROWD_ACCOUNTS=20 OMS_CROWD_ORDERS=5000
OMS_CROWD_KILLS=20 is the long campaign; ``make test`` runs a small one.
"""

import asyncio
import json
import os
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.e2e.product import Json, Process, Product, free_port
from tests.e2e.sockets import Follower, log_of

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

CLIENTS = int(os.environ.get("OMS_CROWD_CLIENTS", "12"))
ACCOUNTS = int(os.environ.get("OMS_CROWD_ACCOUNTS", "4"))
ORDERS = int(os.environ.get("OMS_CROWD_ORDERS", "80"))
KILLS = int(os.environ.get("OMS_CROWD_KILLS", "3"))
SEED = int(os.environ.get("OMS_CROWD_SEED", "1"))
SENDERS = 4
SETTLED_WITHIN_S = 120


class Crowd:
    """A product, the processes that answer clients, and the accounts they trade on."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.bases, self.fronts = [product.base], [_front(product)]
        if product.mode == "server":
            self._add_web()
        self.accounts = [each["id"] for each in product.accounts if _is_spot(each)]
        while len(self.accounts) < ACCOUNTS:
            self.accounts.append(self._new_account())
        self.accounts = self.accounts[:ACCOUNTS]
        # The product's own key knows nothing of the new accounts.
        self.key = product.facts["api_key"] = self._key()

    def _add_web(self) -> None:
        """A second process that answers clients; it shares nothing with the first."""
        port = free_port()
        env = self.product.env | {"OMS_PORT": str(port)}
        log = self.product.data / "web2.log"
        web = Process("web2", [sys.executable, "-u", "manage.py", "web"], env, log)
        self.product.processes["web2"] = web
        web.start()
        self.bases.append(f"http://127.0.0.1:{port}")
        self.fronts.append(web)

    def _new_account(self) -> int:
        product, name = self.product, f"crowd-{len(self.accounts)}"
        made = product.manage("add_account", "--exchange-id", "ccxt.binance", "--label", name)
        account_id = json.loads(made)["account"]["id"]
        login = {"api_key": name, "secret": f"secret-{name}"}
        product.manage("upsert_account_credentials", "--account-id", str(account_id), "--api-key",
                       login["api_key"], "--secret", login["secret"])  # fmt: skip
        product.venue("POST", "logins", login | {"market": "spot", "balances": {"USDT": "1000000"}})
        return account_id

    def _key(self) -> str:
        manage = self.product.manage
        manage("create_user", "--user-name", "crowd", "--role", "trader", "--no-password")
        named = [f"--account-id={each}" for each in self.accounts]
        return json.loads(manage("create_api_key", "--user-name", "crowd", *named))["api_key"][
            "plain"
        ]

    def send(self, number: int) -> None:
        """One order that is certainly taken, whoever dies meanwhile.

        What was claimed when its process died may be presumed rejected (207): taken all the same.
        """
        chance = random.Random(SEED * 1_000_003 + number)
        rests = chance.random() < 0.3
        payload: Json = {"symbol": "BTC/USDT", "side": "buy", "qty": "0.001"}
        payload |= {"order_type": "limit", "price": "20000"} if rests else {"order_type": "market"}
        body = {"account_id": self.accounts[number % len(self.accounts)], "command": "send_order",
                "request_id": f"crowd-{SEED}-{number}", "payload": payload}  # fmt: skip
        while True:
            base = self.bases[number % len(self.bases)]
            try:
                answer = requests.post(
                    f"{base}/oms/commands",
                    json=body,
                    headers={"x-api-key": self.key},
                    timeout=30,
                )
            except requests.RequestException:
                time.sleep(0.1)
                continue
            if answer.status_code in (200, 202, 207):
                return
            if answer.status_code < 500:
                raise AssertionError(answer.text)
            time.sleep(0.1)

    def seqs(self) -> dict[int, int]:
        """The newest event of each account, once nothing is on its way any more."""

        def is_settled() -> bool:
            orders = [row for each in self.accounts for row in self._open(each)]
            return not any(row["status"] in ("PENDING_SUBMIT", "SENDING", "UNKNOWN")
                           for row in orders)  # fmt: skip

        self.product.until(is_settled, SETTLED_WITHIN_S, "settling")
        return {each: log_of(self.product, each)[-1]["seq"] for each in self.accounts}

    def _open(self, account_id: int) -> list[Json]:
        return self.product.every("/oms/orders/open", account_ids=account_id)


@pytest.fixture
def crowd(product):
    return Crowd(product)


async def test_every_client_ends_with_exactly_the_event_log(crowd):
    accounts = crowd.accounts
    followers = [
        Follower(accounts[number % len(accounts)], crowd.key, _turned(crowd.bases, number))
        for number in range(CLIENTS)
    ]
    tasks = [asyncio.create_task(follower.run()) for follower in followers]
    killed = 0
    with ThreadPoolExecutor(SENDERS) as senders:
        loop = asyncio.get_running_loop()
        sent = [loop.run_in_executor(senders, crowd.send, number) for number in range(ORDERS)]
        for kill in range(KILLS):
            while sum(one.done() for one in sent) < ORDERS * (kill + 1) // (KILLS + 1):
                await asyncio.sleep(0.05)
            front = crowd.fronts[kill % len(crowd.fronts)]
            await asyncio.to_thread(front.kill)
            front.start()
            killed += 1
        await asyncio.gather(*sent)
    await asyncio.to_thread(crowd.product.wait_until_ready)
    newest = await asyncio.to_thread(crowd.seqs)
    async with asyncio.timeout(SETTLED_WITHIN_S):
        while any(follower.last < newest[follower.account_id] for follower in followers):
            await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    logs = {each: await asyncio.to_thread(log_of, crowd.product, each) for each in accounts}
    events = sum(len(log) for log in logs.values())
    again = sum(follower.connections - 1 for follower in followers)
    print(
        f"\ntorture: sockets, {crowd.product.mode}, seed {SEED}: {CLIENTS} clients on "
        f"{len(accounts)} accounts, {ORDERS} orders, {killed} kills, {again} attempts to connect "
        f"again, {events} events"
    )
    assert [fault for follower in followers for fault in follower.faults] == []
    for follower in followers:
        known = [_facts(event) for event in follower.events]
        assert known == [_facts(event) for event in logs[follower.account_id]][: len(known)]
        assert follower.last >= newest[follower.account_id]


def _facts(event: Json) -> tuple:
    return event["seq"], event["event"], event["namespace"], event["payload"]


def _turned(bases: list[str], number: int) -> list[str]:
    start = number % len(bases)
    return bases[start:] + bases[:start]


def _is_spot(account: Json) -> bool:
    return account["exchange_id"].endswith(".binance")


def _front(product: Product) -> Process:
    return product.processes["oms" if product.mode == "embedded" else "web"]
