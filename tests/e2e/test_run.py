"""``make run`` itself: comes up, survives the death of a part, stops on Ctrl-C, goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import requests

from tests.e2e.product import ROOT, free_port

pytestmark = [pytest.mark.e2e, pytest.mark.faults]


class Run:
    """``oms_project.starting.up``, as the Makefile starts it, in a process group of its own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port, self.paper_port = free_port(), free_port()
        self.popen: subprocess.Popen | None = None
        self.starts = 0

    def start(self) -> "Run":
        env = {name: value for name, value in os.environ.items() if not name.startswith("OMS_")}
        env |= {"OMS_DATA_DIR": str(self.data), "OMS_PORT": str(self.port),
                "OMS_PAPER_PORT": str(self.paper_port)}  # fmt: skip
        with (self.data.parent / "run.log").open("ab") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "oms_project.starting.up"],
                cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.starts += 1
        self.wait_until_ready()
        self.guide()
        return self

    def guide(self) -> str:
        """The commands that it printed, once they are there."""
        log = self.data.parent / "run.log"
        deadline = time.monotonic() + 5
        while (text := log.read_text()).count("For programs:") < self.starts:
            assert time.monotonic() < deadline, text[-2000:]
            time.sleep(0.05)
        return text

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                url = f"http://127.0.0.1:{self.port}/readyz"
                if requests.get(url, timeout=2).status_code == 200:
                    return
            except requests.ConnectionError:
                pass
            time.sleep(0.1)
        raise AssertionError((self.data.parent / "run.log").read_text()[-4000:])

    def ctrl_c(self) -> int:
        """What a terminal does: SIGINT to the whole group."""
        os.killpg(self.popen.pid, signal.SIGINT)
        return self.popen.wait(timeout=40)

    def parts(self) -> list[psutil.Process]:
        return psutil.Process(self.popen.pid).children(recursive=True)

    def part(self, word: str) -> psutil.Process:
        return next(part for part in self.parts() if word in " ".join(part.cmdline()))

    @property
    def facts(self) -> dict:
        return json.loads((self.data / "quickstart.json").read_text())

    def buy(self) -> dict:
        facts = self.facts
        body = {"account_id": facts["accounts"][0]["id"], "command": "send_order",
                "payload": {"symbol": facts["accounts"][0]["symbols"][0], "side": "buy",
                            "order_type": "market", "qty": "0.01", "strategy_id": 1}}  # fmt: skip
        answer = requests.post(
            f"{facts['base_url']}/oms/commands", json=body,
            headers={"x-api-key": facts["api_key"]}, timeout=30,
        )  # fmt: skip
        return answer.json()["results"][0]

    def position(self) -> dict:
        facts = self.facts
        answer = requests.get(
            f"{facts['base_url']}/oms/positions/open",
            params={"account_ids": facts["accounts"][0]["id"]},
            headers={"x-api-key": facts["api_key"]}, timeout=30,
        )  # fmt: skip
        return answer.json()["items"][0]


@pytest.fixture
def run(tmp_path):
    running = Run(tmp_path / "var")
    yield running.start()
    if running.popen.poll() is None:
        running.ctrl_c()


def test_it_fills_an_order_and_writes_down_where_everything_is(run):
    filled = run.buy()

    assert filled["order"]["status"] == "FILLED"
    facts = run.facts
    assert (run.data / "quickstart.json").stat().st_mode & 0o777 == 0o600
    assert [account["exchange_id"] for account in facts["accounts"]] == [
        "ccxt.binance",
        "ccxt.binance",
        "ccxt.binance",
        "ccxt.binanceusdm",
        "ccxtpro.binance",
        "ccxtpro.binanceusdm",
    ]
    log = run.guide()
    assert f"curl -s {facts['base_url']}/oms/commands -H 'x-api-key: {facts['api_key']}'" in log


def test_the_printed_curl_gives_a_filled_order(run):
    log = run.guide()
    start = log.index("curl -s")
    line = log[start : log.index("\n\n", start)]

    answer = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)

    assert json.loads(answer.stdout)["results"][0]["order"]["status"] == "FILLED"


def test_ctrl_c_stops_everything_and_a_second_run_goes_on(run):
    run.buy()
    key, before = run.facts["api_key"], run.position()
    parts, shown = run.parts(), run.guide().count(key)

    assert run.ctrl_c() == 0
    assert not any(part.is_running() for part in parts)
    run.start()

    assert run.facts["api_key"] == key
    assert run.guide().count(key) == shown > 0, "secrets are shown once"
    assert run.position()["qty"] == before["qty"]
    assert run.buy()["order"]["status"] == "FILLED"


@pytest.mark.parametrize("word", ["manage.py serve", "gateway.paper"])
def test_a_part_that_dies_is_started_again(run, word):
    run.part(word).kill()

    time.sleep(3)
    run.wait_until_ready()
    filled = run.buy()

    assert filled["order"]["status"] == "FILLED"
    assert run.ctrl_c() == 0


def test_when_the_watcher_itself_is_killed_its_parts_end_and_the_next_run_starts(run):
    run.buy()
    parts = run.parts()

    run.popen.kill()
    run.popen.wait()
    psutil.wait_procs(parts, timeout=30)
    assert not any(part.is_running() for part in parts)
    run.start()

    assert run.buy()["order"]["status"] == "FILLED"
