"""Flood a running product, and measure another user's orders beside an idle one's.

python -m tests.flood
python -m tests.flood --accepted 300 --half-open 200 --slow 20 --seconds 10

Three floods, one after the other, all on loopback: refused commands over many sockets, accepted
ones by one user, and connections that never finish what they begin. Fails where an order was not
filled, where descriptors do not come back, or where the slowest percent took more than ``--most``
times as long as idle.
"""

import argparse
import json
import multiprocessing
import queue
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

from tests.e2e.product import Product
from tests.flood.clients import Strangers, Wave, flooding

LONGEST_S = 1800
ORDER = {"side": "buy", "order_type": "market", "qty": "0.001", "strategy_id": 1}


@dataclass
class Figures:
    """How long orders took beside something."""

    name: str
    seconds: list[float]
    note: str = ""

    def at(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000

    def line(self, idle: "Figures") -> str:
        times = self.at(0.99) / idle.at(0.99)
        return (
            f"torture: flood {self.name:<10} {len(self.seconds):5d} orders  "
            f"p50 {self.at(0.5):7.1f} ms  p99 {self.at(0.99):7.1f} ms  {times:5.2f} x idle  "
            f"{self.note}"
        )


class Trader:
    """The other user: one order after the other, on an account of their own.

    They all go into one position, so that the last order is no dearer than the first.
    """

    def __init__(self, product: Product) -> None:
        self._product = product
        self._account = product.account("ccxt.binance", "strategy_netting")
        place = product.accounts.index(self._account)
        self._session = requests.Session()
        self._session.headers["x-api-key"] = key_of(product, "other", "trader", place)

    def order(self) -> float:
        """One filled order; the seconds that it took."""
        payload = ORDER | {"symbol": self._account["symbols"][0]}
        body = {"account_id": self._account["id"], "command": "send_order", "payload": payload}
        started = time.monotonic()
        answer = self._session.post(f"{self._product.base}/oms/commands", json=body, timeout=60)
        took_s = time.monotonic() - started
        assert answer.json()["results"][0]["order"]["status"] == "FILLED", answer.text
        return took_s

    def orders(self, goes_on, *, least: int) -> list[float]:
        """Orders while ``goes_on()``, at least so many."""
        found: list[float] = []
        while len(found) < least or goes_on():
            found.append(self.order())
            time.sleep(0.02)
        return found


def key_of(product: Product, name: str, role: str, place: int) -> str:
    """The key of a new user on one account."""
    product.manage("create_user", "--user-name", name, "--role", role, "--no-password")
    account = f"--account-id={product.accounts[place]['id']}"
    made = product.manage("create_api_key", "--user-name", name, account)
    return json.loads(made[made.index("{") :])["api_key"]["plain"]


def main() -> int:
    """Returns the exit status."""
    chosen = _chosen()
    product = Product(
        Path(tempfile.mkdtemp(prefix="oms-flood-")) / "data",
        mode=chosen.mode,
        venue_options=("--tick-ms", "0", "--no-flow"),
    )
    try:
        return _run(product.start(), chosen)
    finally:
        product.stop()


def _run(product: Product, chosen: argparse.Namespace) -> int:
    trader = Trader(product)
    trader.orders(lambda: False, least=10)
    idle = Figures("idle", trader.orders(lambda: False, least=chosen.orders))
    lines, worst = [idle.line(idle)], 0.0
    print(lines[0], flush=True)
    for flood in (
        lambda: _wave("refused", product, trader, _refused(product, chosen)),
        lambda: _wave("accepted", product, trader, _accepted(product, chosen)),
        lambda: _half_open(product, trader, chosen),
    ):
        found = flood()
        print(found.line(idle), flush=True)
        worst = max(worst, found.at(0.99) / idle.at(0.99))
    if worst > chosen.most:
        print(f"torture: flood: {worst:.2f} times idle is more than {chosen.most}")
        return 1
    return 0


def _refused(product: Product, chosen: argparse.Namespace) -> Wave:
    key = key_of(product, "reader", "readonly", 0)
    return Wave(product.base, key, _command(product), chosen.sockets, chosen.each, chosen.each)


def _accepted(product: Product, chosen: argparse.Namespace) -> Wave:
    key = key_of(product, "crowd", "trader", 0)
    each = -(-chosen.accepted // chosen.sockets)
    return Wave(product.base, key, _command(product), chosen.sockets, each, 3)


def _command(product: Product) -> dict:
    account = product.accounts[0]
    payload = ORDER | {"symbol": account["symbols"][0]}
    return {"account_id": account["id"], "command": "send_order", "payload": payload, "wait_ms": 0}


def _wave(name: str, product: Product, trader: Trader, wave: Wave) -> Figures:
    started, came = time.monotonic(), {}
    with flooding(wave) as told:

        def goes_on() -> bool:
            try:
                came.update(told.get_nowait())
            except queue.Empty:
                return not came and time.monotonic() - started < LONGEST_S
            return False

        seconds = trader.orders(goes_on, least=10)
    assert came, f"the flood did not end within {LONGEST_S} s\n{product.logs()}"
    return Figures(name, seconds, f"{came} in {time.monotonic() - started:.0f} s")


def _half_open(product: Product, trader: Trader, chosen: argparse.Namespace) -> Figures:
    web = psutil.Process(product.processes["oms" if chosen.mode == "embedded" else "web"].popen.pid)
    before, until = web.num_fds(), time.monotonic() + chosen.seconds
    key = key_of(product, "slow", "readonly", 0)
    strangers = Strangers(product.port, half_open=chosen.half_open, slow=chosen.slow, key=key)
    process = multiprocessing.Process(target=strangers.keep_coming, args=(until,), daemon=True)
    process.start()
    most = 0

    def goes_on() -> bool:
        nonlocal most
        most = max(most, web.num_fds())
        return time.monotonic() < until

    seconds = trader.orders(goes_on, least=10)
    process.join(30)
    product.until(lambda: web.num_fds() <= before + 20, 15, "descriptors back")
    note = f"{chosen.half_open} half-open, {chosen.slow} slow bodies for {chosen.seconds} s; "
    return Figures("half-open", seconds, note + f"descriptors {before}, {most}, {web.num_fds()}")


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mode", choices=["embedded", "server"], default="embedded")
    parser.add_argument("--sockets", type=int, default=60, help="of whoever floods")
    parser.add_argument("--each", type=int, default=95, help="refused commands of a socket")
    parser.add_argument("--accepted", type=int, default=2850, help="accepted commands in all")
    parser.add_argument("--half-open", type=int, default=2000, help="connections without a header")
    parser.add_argument("--slow", type=int, default=200, help="bodies of a byte now and then")
    parser.add_argument("--seconds", type=float, default=60, help="for how long those stay")
    parser.add_argument("--orders", type=int, default=200, help="orders on the idle product")
    parser.add_argument("--most", type=float, default=2.0, help="p99 times idle that is accepted")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
