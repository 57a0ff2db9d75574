"""What is seen from outside: how old prices are, and what is read."""

import itertools
from datetime import UTC, datetime

import requests

from tests.budget.crowd import Crowd

READ_EVERY = 5  # looks


class Watcher:
    """Looks, and reads as clients do, while the product works."""

    def __init__(self) -> None:
        self.oldest_price_s = 0.0
        self.looks = self.reads = self.refused = 0
        self._numbers = itertools.count()

    def look(self, crowd: Crowd) -> None:
        """See how old the prices are that stops wait for, and read something as a client does."""
        ids = ",".join(str(row["id"]) for row in crowd.crowd)
        for row in crowd.every("/oms/positions/open", account_ids=ids):
            if row["trailing"] is None and row["stop_loss"] is None:
                continue
            self.looks += 1
            age_s = _age_s(row["price_at"])
            self.oldest_price_s = max(self.oldest_price_s, age_s)
        number = next(self._numbers)
        if number % READ_EVERY == 0:
            account = crowd.crowd[(number // READ_EVERY * 7) % len(crowd.crowd)]
            self._read(crowd, account["id"], "fetchBalance")
            self._read(crowd, account["id"], "fetchTicker", account["symbols"][0])

    def _read(self, crowd: Crowd, account_id: int, func: str, *args: str) -> None:
        answer = requests.post(
            f"{crowd.base}/ccxt/{account_id}/{func}",
            json={"args": list(args)},
            headers={"x-api-key": crowd.facts["api_key"]},
            timeout=30,
        )
        self.reads += 1
        if not answer.ok:
            self.refused += 1
            print(f"{func}: {answer.text}", flush=True)


def _age_s(at: str | None) -> float:
    """Infinite where there is no price."""
    if at is None:
        return float("inf")
    return (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()
