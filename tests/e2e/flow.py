"""Orders that never stop coming, for tests in which something breaks meanwhile."""

import random
import threading
import time
from collections import Counter

import requests

from tests.e2e.product import Json, Product


class OrderFlow:
    """One client an account that sends orders, whatever happens, and remembers every answer.

    ``pause_s`` lies between two orders of one client.
    """

    def __init__(self, product: Product, *, pause_s: float = 0.02) -> None:
        self.accepted: set[int] = set()
        self.refused: Counter[str] = Counter()
        self._product = product
        self._pause_s = pause_s
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
            time.sleep(self._pause_s)

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
                self.refused[_code(answer.json())] += 1
                time.sleep(0.1)
                continue
            for result in answer.json()["results"]:
                self.accepted |= {order["id"] for order in result["orders"]}
            return


def _code(body: Json) -> str:
    """Why nothing was done: for the whole request or for its only command."""
    return body["code"] if "code" in body else body["results"][0]["error"]["code"]
