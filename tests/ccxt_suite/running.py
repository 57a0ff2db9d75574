"""How are ccxt's own tests run, and when have they passed?"""

import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import ccxt

VARIANTS = {"sync": ["--sync"], "async": [], "pro": ["--ws"]}
_DONE = re.compile(r"\[INFO\] TESTING DONE +\w+ (\w+)")


def told_by(
    runner: Path, words: Iterable[str], log: Path, *, within_s: float,
    env: Mapping[str, str] | None = None,
) -> str:  # fmt: skip
    """What a runner told, and whether it came to its end."""
    command = [sys.executable, "-u", str(runner), *words]
    with log.open("wb") as file:
        running = subprocess.Popen(command, env=env, stdout=file, stderr=subprocess.STDOUT)
        try:
            ending = f"ended with {running.wait(within_s)}"
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
            ending = f"did not end within {within_s} s"
    return f"{log.read_text()}\nThe run {ending}."


def check_passed(text: str, wanted: Collection[str]) -> None:
    """The run ended well, without a word of failure or warning, and tested all that is wanted."""
    assert text.endswith("The run ended with 0."), text[-3000:]
    assert not [line for line in text.splitlines() if "TEST_FAILURE" in line], text
    assert "TEST_WARNING" not in text
    assert set(wanted) <= set(_DONE.findall(text))


@contextmanager
def trading(
    clients: Iterable[tuple[ccxt.Exchange, str]], *, first: float, every_s: float
) -> Iterator[None]:
    """Small trades all the while, because ccxt's stream tests wait for something to happen.

    Each client has a symbol; ``first`` is what it buys to sell from. Whatever ends the trades too
    early is raised at the end, because the waiting had no other cause.
    """
    pairs = list(clients)
    for client, symbol in pairs:
        client.create_order(symbol, "market", "buy", first)
        client.create_order(symbol, "limit", "buy", 0.001, 58000)
    stop = Event()

    def trade() -> None:
        side = "buy"
        while not stop.wait(every_s):
            for client, symbol in pairs:
                client.create_order(symbol, "market", side, 0.001)
            side = "sell" if side == "buy" else "buy"

    with ThreadPoolExecutor(1) as thread:
        trades = thread.submit(trade)
        try:
            yield
        finally:
            stop.set()
        trades.result()
