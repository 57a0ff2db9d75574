"""A paper venue in its own process, and unmodified clients that are pointed at it."""

import hashlib
import hmac
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit, urlunsplit

import ccxt
import ccxt.async_support
import ccxt.pro
import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "control"
OPEN_ORDERS = "/api/v3/openOrders"
MONEY = {"USDT": "1000000", "BTC": "10", "ETH": "100", "BNB": "100"}
# Prices stand still and nothing trades by itself; limits are out of the way.
STILL = (
    "--volatility", "0", "--no-flow", "--orders-10s", "100000", "--weight-limit", "1000000",
)  # fmt: skip
HOSTS = {"api": "api", "sapi": "api", "fapi": "fapi", "dapi": "dapi"}


class VenueProcess:
    """A paper venue on a free port; it can be killed and started again on the same data."""

    def __init__(self, data: Path, *options: str) -> None:
        self.data = data
        self.options = options
        self.port = 0
        self.logins: list[str] = []
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "gateway.paper", "--data", str(self.data)]
        command += ["--port", str(self.port), "--control-token", TOKEN, *self.options]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if "paper venue on" in line:
                self.port = int(line.split("127.0.0.1:")[1].split(",")[0])
                break
        self.url = f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=10)
        self.process.stdout.close()
        return code

    def control(self, method: str, path: str, body: dict | None = None) -> object:
        answer = requests.request(
            method,
            f"{self.url}/paper/{path}",
            json=body,
            headers={"X-Paper-Token": TOKEN},
            timeout=10,
        )
        answer.raise_for_status()
        return answer.json()

    def open_login(self, key: str, **words: object) -> str:
        body = {"api_key": key, "secret": secret_of(key), "balances": MONEY} | words
        self.control("POST", "logins", body)
        self.logins.append(key)
        return key

    def set_price(self, symbol: str, price: str) -> None:
        self.control("POST", "prices", {"symbol": symbol, "price": price})

    def fault(self, **words: object) -> dict:
        return self.control("POST", "faults", words)

    def clear_books(self) -> None:
        """Cancel what the logins opened so far still have in the books."""
        for key in self.logins:
            for symbol in {row["symbol"] for row in self.ask("GET", OPEN_ORDERS, key).json()}:
                self.ask("DELETE", OPEN_ORDERS, key, symbol=symbol)
        self.logins.clear()

    def journal(self, login: str, event: str) -> list[dict]:
        rows = self.control("GET", f"journal?login={login}")
        return [row for row in rows if row["event"] == event]

    def ask(
        self, method: str, path: str, key: str | None = None, *, secret: str = "", **words: object
    ) -> requests.Response:
        """A request signed by hand; the answer as it came."""
        headers = {}
        if key is not None:
            words.setdefault("timestamp", int(time.time() * 1000))
            query = urlencode(words)
            words["signature"] = sign(query, secret or secret_of(key))
            headers["X-MBX-APIKEY"] = key
        place = "params" if method in ("GET", "DELETE") else "data"
        return requests.request(
            method, self.url + path, headers=headers, timeout=10, **{place: words}
        )


def secret_of(key: str) -> str:
    return f"secret of {key}"


def sign(text: str, secret: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def point(exchange, url: str):
    """Send a ccxt exchange to another host; paths and error tables stay Binance's own."""

    def moved(value):
        if isinstance(value, dict):
            return {name: moved(part) for name, part in value.items()}
        if not isinstance(value, str) or "://" not in value:
            return value
        parts = urlsplit(value)
        scheme = "ws" if parts.scheme.startswith("ws") else "http"
        # ccxt.pro tells spot from contracts by "/stream" in the URL.
        path = "/stream/ws" if parts.netloc.startswith("stream.") else parts.path
        return urlunsplit((scheme, urlsplit(url).netloc, path, parts.query, ""))

    by_url = exchange.get_exceptions_by_url

    def by_path(where, kind):
        path = urlsplit(where).path
        return by_url(f"https://{HOSTS.get(path.split('/')[1])}.binance.com{path}", kind)

    exchange.urls["api"] = moved(exchange.urls["api"])
    exchange.get_exceptions_by_url = by_path
    return exchange


def ccxt_client(url: str, key: str, *, kind=ccxt.binance, **settings: object):
    """An unmodified ccxt exchange that loads spot markets only."""
    options = {
        "fetchCurrencies": False,
        "fetchMargins": False,
        "fetchMarkets": {"types": ["spot"]},
    }
    words = {"apiKey": key, "secret": secret_of(key), "enableRateLimit": False}
    return point(kind(words | {"options": options} | settings), url)


@pytest.fixture(scope="session")
def venue(tmp_path_factory):
    """One venue for all tests that neither restart it nor need odd options; prices stand still."""
    process = VenueProcess(tmp_path_factory.mktemp("venue"), *STILL, "--tick-ms", "0")
    yield process
    process.stop()


@pytest.fixture
def start_venue(tmp_path):
    """Start venues of one's own, by options."""
    started = []

    def start(*options: str) -> VenueProcess:
        started.append(VenueProcess(tmp_path / f"venue{len(started)}", *options))
        return started[-1]

    yield start
    for process in started:
        if process.process.poll() is None:
            process.stop()


@pytest.fixture
def key(venue, request):
    """A login of its own for each test, with money, on still prices and empty books."""
    for symbol, price in (("BTCUSDT", "60000"), ("ETHUSDT", "3000"), ("BNBUSDT", "600")):
        venue.set_price(symbol, price)
    yield venue.open_login(re.sub(r"\W+", "-", request.node.nodeid))
    venue.control("DELETE", "faults")
    venue.control("POST", "clock", {"skew_ms": 0})
    venue.clear_books()


@pytest.fixture
def binance(venue, key):
    """ccxt's own Binance class, trading for ``key``."""
    return ccxt_client(venue.url, key)
