"""The kill switch under load: no order reaches the venue later than two seconds after it.

Clients offer fifty orders a second all the while. ``OMS_KILL_TRIALS`` sets how often the switch is
pulled (2); the time until the last order arrived is printed, over all trials.
"""

import os
import threading
import time
from itertools import count

import pytest

from tests.e2e.officer import Officer
from tests.e2e.product import Json, Product
from tests.e2e.servers import Redis

pytestmark = [pytest.mark.e2e, pytest.mark.faults, pytest.mark.alone]
TRIALS = int(os.environ.get("OMS_KILL_TRIALS", "2"))
ORDERS_PER_S = 50
BATCH = 10
CLIENTS_PER_ACCOUNT = 3  # So that a slow answer to one does not lower what is offered.
LATEST_MS = 2000
FLOWING = 10  # orders at the venue before the switch is pulled
WATCH_S = 2.5


@pytest.mark.parametrize("mode", ["embedded", "server"])
def test_nothing_reaches_the_venue_two_seconds_after_the_kill(tmp_path, mode):
    product = Product(tmp_path / mode, mode=mode)
    try:
        _try(product.start(), f"{mode}, ")
    finally:
        product.stop()


def test_nothing_reaches_the_venue_without_redis_either_on_server(tmp_path):
    redis = Redis().start()
    settings = {"OMS_BROKER_URL": f"{redis.url}/0", "OMS_RELAY_URL": f"{redis.url}/1"}
    product = Product(tmp_path / "server", mode="server", settings=settings)
    try:
        product.start()
        redis.kill()
        _try(product, "server without Redis, ")
    finally:
        # Celery is in no hurry to end while it looks for its broker, and there is nothing to save.
        if "worker" in product.processes:
            product.processes["worker"].kill()
        product.stop()


def _try(product: Product, where: str) -> None:
    officer, flow = Officer(product), Flow(product)
    late_ms, answer_ms = [], []
    flow.start()
    try:
        for _ in range(TRIALS):
            _wait_until_flowing(product)
            pulled_at_ms = time.time() * 1000
            officer.act("kill", scope="all")
            answer_ms.append(time.time() * 1000 - pulled_at_ms)
            time.sleep(WATCH_S)
            late_ms.append(max(_arrivals(product)) - pulled_at_ms)
            officer.act("release", scope="all")
    finally:
        flow.stop()
    print(
        f"torture: {where}{TRIALS} kill switches, {flow.offered_per_s:.0f} orders/s offered, "
        f"{len(_arrivals(product))} arrived in all: last order after the kill "
        f"p99 {_p99(late_ms):.0f} ms, worst {max(late_ms):.0f} ms; "
        f"kill answered p99 {_p99(answer_ms):.0f} ms"
    )
    assert flow.refused, "no order was refused while the switch was pulled"
    assert max(late_ms) <= LATEST_MS
    product.until(lambda: _is_quiet(product), 60, "every order resolved")
    product.manage("verify_ledger")


def _wait_until_flowing(product: Product) -> None:
    """Orders arrive at the venue again, so that there is something to stop."""
    enough = len(_arrivals(product)) + FLOWING
    product.until(lambda: len(_arrivals(product)) >= enough, 60, "orders flow")


class Flow:
    """Clients that offer orders at a steady rate, whatever is answered."""

    def __init__(self, product: Product) -> None:
        self.refused = 0
        self._offered = 0
        self._product = product
        self._stop = threading.Event()
        self._numbers = count()
        self._threads = [
            threading.Thread(target=self._offer, args=(account,))
            for account in product.accounts * CLIENTS_PER_ACCOUNT
        ]

    def start(self) -> None:
        self._started_at = time.monotonic()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)
        self.offered_per_s = self._offered / (time.monotonic() - self._started_at)

    def _offer(self, account: Json) -> None:
        pause_s = BATCH * len(self._threads) / ORDERS_PER_S
        due = time.monotonic()
        while not self._stop.is_set():
            due = max(due + pause_s, time.monotonic())
            body = [self._order(account) for _ in range(BATCH)]
            answer = self._product.post(body, wait_ms=0, parallel="true")
            results = answer.json()["results"]
            codes = [result["error"]["code"] for result in results if result["error"]]
            self.refused += codes.count("risk_blocked")
            self._offered += BATCH
            self._stop.wait(max(due - time.monotonic(), 0))

    def _order(self, account: Json) -> Json:
        """Every third one rests far below the market, so that a kill has something to cancel."""
        payload = {"symbol": account["symbols"][0], "side": "buy", "qty": "0.001"}
        rests = next(self._numbers) % 3 == 0
        payload |= {"order_type": "limit", "price": "50000"} if rests else {"order_type": "market"}
        return {"account_id": account["id"], "command": "send_order", "payload": payload}


def _arrivals(product: Product) -> list[float]:
    """When each order was first accepted by the venue, by its own clock."""
    seen: dict[str, float] = {}
    for account in product.accounts:
        for row in product.journal(account):
            if row["event"] == "order":
                seen.setdefault(row["client_id"], row["journalled_ms"])
    return [*seen.values()]


def _is_quiet(product: Product) -> bool:
    moving = {"PENDING_SUBMIT", "SENDING", "UNKNOWN"}
    return not any(
        order["status"] in moving
        for account in product.accounts
        for order in product.every("/oms/orders/open", account_ids=account["id"])
    )


def _p99(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, round(len(values) * 0.99) - 1)]
