"""The paper venue as a process, and sessions that trade at it."""

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from django.test import override_settings

from accounts.credentials import ExchangeLogin
from gateway import instance, sessions
from gateway.markets import Profile
from gateway.sessions import Session

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "control"
SPOT, LINEAR = "ccxt.binance", "ccxt.binanceusdm"
MARKETS = {SPOT: ("spot", "BTC/USDT"), LINEAR: ("linear", "BTC/USDT:USDT")}
_numbers = count()


class Paper:
    """The venue's process and its control port."""

    def __init__(self, data: Path) -> None:
        command = [sys.executable, "-m", "gateway.paper", "--data", str(data), "--port", "0",
                   "--control-token", TOKEN, "--volatility", "0", "--no-flow",
                   "--weight-limit", "1000000", "--orders-10s", "100000",
                   "--linear-weight-limit", "1000000", "--linear-orders-10s", "100000",
                   "--linear-orders-1m", "100000"]  # fmt: skip
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        line = next(line for line in self.process.stdout if "paper venue on" in line)
        self.url = "http://" + line.split("http://")[1].split(",")[0]

    def control(self, method: str, path: str, **body) -> object:
        """One call of the control port."""
        request = urllib.request.Request(
            f"{self.url}/paper/{path}",
            json.dumps(body).encode(),
            {"X-Paper-Token": TOKEN, "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def posts(self, key: str) -> Counter:
        """How often each client order id of a login was posted."""
        rows = self.control("GET", "requests")["orders"]
        return Counter({row["client_id"]: row["count"] for row in rows if row["login"] == key})


@asynccontextmanager
async def trading(paper: Paper, exchange_id: str) -> AsyncIterator[tuple[Session, str, str]]:
    """A session with a login of its own, its symbol and its key."""
    plain = exchange_id.replace("ccxtpro.", "ccxt.")
    wallet, symbol = MARKETS[plain]
    key = f"gateway-{next(_numbers):04}"
    money = {"USDT": "1000000", "BTC": "10"} if wallet == "spot" else {"USDT": "1000000"}
    paper.control("POST", "logins", api_key=key, secret="s", market=wallet, balances=money)
    urls = dict.fromkeys(("binance", "binanceusdm"), paper.url)
    with override_settings(
        OMS_EXCHANGE_URLS=urls, OMS_RECV_WINDOW_MS=2000, OMS_EXCHANGE_TIMEOUT_MS=1500
    ):
        profile = Profile(1, exchange_id)
        if exchange_id not in _loaded:
            _loaded[exchange_id] = await sessions._load(profile, None)
        talk = sessions.Session(profile, instance.build(profile, ExchangeLogin(key, "s")))
        talk.take_over(_loaded[exchange_id])
        await talk.measure_clock()
        try:
            yield talk, symbol, key
        finally:
            await talk.close()


_loaded: dict[str, sessions.Loaded] = {}
