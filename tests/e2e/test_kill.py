"""kill -9 at random moments while orders flow: no order is lost, none is doubled.

Lost: an accepted order whose final state or deals disagree with the venue. A presumed rejection of
an order that the venue never saw is not lost, and is counted apart.
"""

import os
import random
import threading
import time

import pytest
import requests

from tests.e2e.agreement import check, check_final_states, orders_at_venue, orders_of
from tests.e2e.product import Product

pytestmark = [pytest.mark.e2e, pytest.mark.faults]
MOVING = {"PENDING_SUBMIT", "SENDING", "UNKNOWN"}
PROCESSES = {
    "embedded": ("oms", "oms", "venue"),
    "server": ("worker", "worker", "web", "venue", "beat"),
}
KILLS = int(os.environ.get("OMS_TORTURE_KILLS", "5"))
# What a killed worker left in mid-air is in doubt after its deadline: a short one keeps this short.
QUICK = {"OMS_EXCHANGE_TIMEOUT_MS": "4000", "OMS_SEND_DEADLINE_S": "12"}
SEED = int(os.environ.get("OMS_TORTURE_SEED", "7"))


@pytest.mark.parametrize("mode", ["embedded", "server"])
def test_killing_any_process_loses_no_order_and_doubles_none(tmp_path, mode):
    product = Product(tmp_path / mode, mode=mode, settings=QUICK).start()
    flow = OrderFlow(product)
    try:
        flow.start()
        kill_at_random(product, mode)
        time.sleep(1)
        flow.stop()
        product.wait_until_ready()
        product.until(lambda: is_quiet(product), 60, "every order resolved")
        counts = [check(product, account) for account in product.accounts]
        for account in product.accounts:
            check_final_states(product, account)
        product.manage("rebuild_positions", "--verify")
        product.manage("verify_ledger")
        total = {name: sum(count[name] for count in counts) for name in counts[0]}
        known = {
            order["id"] for account in product.accounts for order in orders_of(product, account)
        }
        print(
            f"\ntorture: kills, {mode}: seed {SEED}, {KILLS} kills, "
            f"{len(flow.accepted)} answered, {total}; 0 lost, 0 doubled"
        )

        assert flow.accepted <= known, f"answered, then gone: {sorted(flow.accepted - known)}"
        assert total["trades"] >= KILLS, "hardly anything was traded: the test shows nothing"
    finally:
        flow.stop()
        product.stop()


def kill_at_random(product: Product, mode: str) -> None:
    """kill -9, a moment of absence, start again; now and then before it was ready again."""
    chance = random.Random(SEED)
    for number in range(KILLS):
        names = PROCESSES[mode]
        name = names[number] if number < len(names) else chance.choice(names)
        if chance.random() < 0.8:
            product.wait_until_ready()
        time.sleep(chance.uniform(0.3, 1.5))
        product.processes[name].kill()
        time.sleep(chance.uniform(0.0, 0.5))
        product.processes[name].start()


def is_quiet(product: Product) -> bool:
    """No order is in doubt or on its way, and none owes fills."""
    for account in product.accounts:
        orders = product.every("/oms/orders/open", account_ids=account["id"])
        if any(order["status"] in MOVING for order in orders):
            return False
    return all(agrees(product, account) for account in product.accounts)


def agrees(product: Product, account) -> bool:
    """Whether what rests here rests there and the other way round."""
    shown = orders_at_venue(product, account).values()
    live = {row["client_id"] for row in shown if row["status"] in ("NEW", "PARTIALLY_FILLED")}
    ours = product.every("/oms/orders/open", account_ids=account["id"])
    return {order["exchange_client_order_id"] for order in ours} == live


class OrderFlow:
    """Clients that send orders, whatever happens, and remember every answer."""

    def __init__(self, product: Product) -> None:
        self.accepted: set[int] = set()
        self._product = product
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._send, args=(account,)) for account in product.accounts
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=90)

    def _send(self, account) -> None:
        chance = random.Random(account["id"])
        number = 0
        while not self._stop.is_set():
            number += 1
            payload = {"symbol": account["symbols"][0], "side": "buy", "order_type": "market",
                       "qty": "0.002"}  # fmt: skip
            if chance.random() < 0.3:
                payload |= {"order_type": "limit", "price": str(chance.randint(50_000, 57_000))}
            body = {"account_id": account["id"], "command": "send_order", "payload": payload,
                    "request_id": f"{account['id']}-{number}"}  # fmt: skip
            self._until_answered(body)
            time.sleep(0.02)

    def _until_answered(self, body) -> None:
        """A client that repeats its request id until it hears: nothing may be sent twice."""
        for _ in range(200):
            try:
                answer = self._product.post(body, wait_ms=2000, timeout=10)
            except requests.RequestException:
                time.sleep(0.1)
                if self._stop.is_set():
                    return
                continue
            if answer.status_code >= 500:
                time.sleep(0.1)
                continue
            for result in answer.json()["results"]:
                self.accepted |= {order["id"] for order in result["orders"]}
            return
