"""Do scripts as people write them trade here unchanged, also when the OMS dies beneath them?

Each account has one process that runs them one after the other, all at the same time; the market
goes up and down, and the OMS is killed when all robots have traded and the first one is done: some
trade still, some pull stops or lay grids.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.e2e import agreement
from tests.e2e.product import ROOT

pytestmark = pytest.mark.e2e
SCRIPTS = Path(__file__).parent / "scripts"
SYMBOL = "ETHUSDT"
MIDDLE = 3000
WITHIN_S = 120
TRADES = 4
ALONE = ["moving_average.py ETHUSDT 0.05 {magic} 4"]
WHOLE = [
    *ALONE,
    "trailing_stop.py ETHUSDT 0.05 {magic} 20",
    "grid.py ETHUSDT 0.05 {magic}",
    "report.py ETH",
    "close_all.py {magic}",
]
RUNS = {
    "spot": ("spot", 11, WHOLE),
    "spot hedge": ("spot hedge", 12, WHOLE),
    "usdm": ("strategies", 13, WHOLE),
    "second magic": ("strategies", 14, ALONE),
}
USUAL = ("spot", "spot hedge", "usdm")


class Market(threading.Thread):
    """Goes up and down by one percent."""

    def __init__(self, desk) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()
        self._desk = desk

    def run(self) -> None:
        up = True
        while not self.ended.wait(0.3):
            self._desk.price(MIDDLE + (30 if up else -30), SYMBOL)
            up = not up


class Run:
    """One process with its scripts, and what it says."""

    def __init__(self, desk, account: str, magic: int, lines: list[str]) -> None:
        self.said: list[str] = []
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "ccxt_driver.mt5", SCRIPTS / "one_after_the_other.py"],
            cwd=ROOT, env={**os.environ, **desk.settings(account)}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._popen.stdin.write("\n".join(lines).format(magic=magic))
        self._popen.stdin.close()
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def ended(self) -> int:
        """Its exit status; killed where it does not come to an end."""
        try:
            return self._popen.wait(WITHIN_S)
        finally:
            self._popen.kill()
            self._listening.join(10)

    def _listen(self) -> None:
        for line in self._popen.stdout:
            self.said.append(line.rstrip())


@pytest.fixture(scope="module")
def runs(desk):
    """All scripts, from their start to their end."""
    desk.price(MIDDLE, SYMBOL)
    running = {name: Run(desk, *words) for name, words in RUNS.items()}
    market = Market(desk)
    market.start()
    until(running, lambda said: all("trade 2" in words for words in said.values()))
    until(running, lambda said: any("done moving" in said[name] for name in USUAL))
    oms = desk.product.processes["oms"]
    oms.kill()
    time.sleep(0.3)
    oms.start()
    codes = {name: run.ended() for name, run in running.items()}
    market.ended.set()
    market.join()
    desk.price(MIDDLE, SYMBOL)
    told = {name: "\n".join(run.said) for name, run in running.items()}
    for name, said in told.items():
        print(f"--- {name}: {codes[name]}\n{said}")
    assert set(codes.values()) == {0}
    return told


def until(running, is_so) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so(said := {name: "\n".join(run.said) for name, run in running.items()}):
        assert time.monotonic() < deadline, said
        time.sleep(0.02)


def orders_told(said: str) -> list[int]:
    return [int(number) for number in re.findall(r"^trade \d+ order (\d+)$", said, re.M)]


@pytest.mark.parametrize("name", RUNS)
def test_a_robot_makes_each_of_its_trades_once(desk, runs, name):
    account = desk.accounts[RUNS[name][0]]

    told = orders_told(runs[name])

    assert len(set(told)) == TRADES
    rows = [desk.product.order(order_id) for order_id in told]
    assert {row["status"] for row in rows} == {"FILLED"}
    assert [row["side"] for row in rows] == ["buy", "sell"] * (TRADES // 2)
    strategies = {row["strategy_id"] for row in rows}
    given = {
        row["id"]
        for row in agreement.orders_of(desk.product, account)
        if row["comment"] == "moving average" and row["strategy_id"] in strategies
    }
    assert given == set(told)


@pytest.mark.parametrize("name", USUAL)
def test_the_other_scripts_do_what_they_are_for(desk, runs, name):
    said = runs[name]

    assert "grid ['grid 1', 'grid 2', 'grid 3', 'grid 4']\nmoved 10009\nleft 0\n" in said
    assert "all closed 0 0" in said
    assert stopped_out(said), said


def test_a_trailing_stop_is_pulled_up_before_it_is_hit(runs):
    """Where the market fell at once it was not; it does not do so everywhere."""
    moves = [int(stopped_out(runs[name])[2]) for name in USUAL]

    assert sum(moves) >= 1, runs


def stopped_out(said: str):
    """The reasons of the deals: by a script, by its stop, and on spot what was left as dust."""
    return re.search(r"^stopped out \[3, (4|4, 0)\] moved (\d+)$", said, re.M)


@pytest.mark.parametrize("name", USUAL)
def test_the_report_has_the_oms_deals_and_what_was_sent_the_venue_got_once(desk, runs, name):
    account = desk.accounts[RUNS[name][0]]
    (line,) = [one for one in runs[name].splitlines() if one.startswith("report ")]
    report = json.loads(line.removeprefix("report "))

    symbol = "ETH/USDT" if name != "usdm" else "ETH/USDT:USDT"
    deals = desk.product.every("/oms/deals", account_ids=account["id"], symbol=symbol)
    orders = desk.product.every("/oms/orders/history", account_ids=account["id"], symbol=symbol)

    assert report["login"] == account["id"]
    assert report["same"]
    assert sorted(report["deals"]) == sorted(deal["id"] for deal in deals)
    filled = {order["id"] for order in orders if order["group_role"] is None}
    assert filled <= {*report["orders"]}
    assert report["profit"] == pytest.approx(sum(float(deal["profit"]) for deal in deals))
    assert report["commission"] == pytest.approx(
        -sum(float(deal["fee_quote"] or 0) for deal in deals)
    )
    agreement.check(desk.product, account)


def test_two_magics_on_one_account_never_touch_each_others_position(desk, runs):
    account = desk.accounts["strategies"]
    deals = desk.product.every("/oms/deals", account_ids=account["id"], symbol="ETH/USDT:USDT")
    numbers = {
        row["strategy_id"]: row["client_strategy_id"]
        for row in desk.product.get("/strategies", limit=500)["items"]
    }

    by_magic = {numbers[deal["strategy_id"]] for deal in deals}
    mixed = [deal for deal in deals if deal["strategy_id"] != deal["position_strategy_id"]]

    assert by_magic == {13, 14}
    assert mixed == []
    one, other = ({*orders_told(runs[name])} for name in ("usdm", "second magic"))
    assert not one & other
    by_order = {deal["order_id"]: numbers[deal["strategy_id"]] for deal in deals}
    assert {by_order[order_id] for order_id in one} == {13}
    assert {order_id for order_id, magic in by_order.items() if magic == 14} == other
