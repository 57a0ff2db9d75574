"""G10: what does the embedded OMS cost while nothing happens, and how soon does it trade?"""

import tempfile
import time
from pathlib import Path

import psutil

from bench.measuring import Goal, Result, alone
from tests.e2e.product import Product

STARTS = 3
IDLE_S = 10

MEMORY = Goal("G10 embedded, memory: ≤ 250 MB", "MB", ours_at_most=250)
IDLE = Goal("G10 embedded, CPU while idle: ≤ 2 %", "%", ours_at_most=2)
FIRST = Goal("G10 embedded, from start to the first filled order: ≤ 3 s", "s", ours_at_most=3)


def run() -> list[Result]:
    """Start a new product a few times; the venue runs before the clock does."""
    firsts, memories, idles = [], [], []
    for _ in range(STARTS):
        with tempfile.TemporaryDirectory() as folder:
            product = Product(Path(folder)).start()
            try:
                firsts.append(_first_order(product))
                oms = psutil.Process(product.processes["oms"].popen.pid)
                oms.cpu_percent()
                time.sleep(IDLE_S)
                idles.append(oms.cpu_percent())
                memories.append(oms.memory_info().rss / 2**20)
            finally:
                product.stop()
    return [alone(MEMORY, memories), alone(IDLE, idles), alone(FIRST, firsts)]


def _first_order(product: Product) -> float:
    """Start the OMS again on data that is there, and buy as soon as it is ready."""
    oms = product.processes["oms"]
    oms.stop()
    began = time.monotonic()
    oms.start()
    product.wait_until_ready()
    product.buy(product.account("ccxt.binance"))
    return time.monotonic() - began
