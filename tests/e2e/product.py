"""The whole product on free ports: a paper venue and the OMS, embedded or as separate processes."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import redis
import requests

from tests import deployed, templates

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "control"
READY_WITHIN_S = 180  # On a machine with much else to do.
PATIENCE = 3  # A busy machine is slower; what counts is that it happens.
MARIADB = os.environ.get("OMS_TEST_MARIADB", "mysql://root@127.0.0.1:3306")
REDIS = os.environ.get("OMS_TEST_REDIS", "redis://127.0.0.1:6379")
# Products run beside each other; each pytest worker has two of the sixteen databases to itself.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
REDIS_DATABASES = (14 - 2 * WORKER, 15 - 2 * WORKER)
GENEROUS = ("--orders-10s", "1000000", "--weight-limit", "10000000", "--orders-1d", "10000000",
            "--raw-limit", "10000000", "--max-open-orders", "100000",
            "--linear-weight-limit", "10000000", "--linear-orders-10s", "1000000",
            "--linear-orders-1m", "1000000")  # fmt: skip
# Ports that nobody can be given, where the first installation is kept for the others.
OTHERS_PORT, OTHERS_VENUE = "65530", "65531"
TABLES = "tables"

Json = dict[str, Any]


def free_port() -> int:
    """A port that nobody listens on now.

    None of those that the system gives to outgoing connections: a process that was killed has to
    find its port free again, whatever else was opened meanwhile.
    """
    while True:
        with socket.socket() as probe, suppress(OSError):
            port = random.SystemRandom().randrange(10_000, 32_000)
            probe.bind(("127.0.0.1", port))
            return port


@dataclass
class Process:
    """One process with its log in a file."""

    name: str
    command: list[str]
    env: dict[str, str]
    log: Path
    popen: subprocess.Popen | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                self.command, cwd=ROOT, env=self.env, stdout=log, stderr=subprocess.STDOUT
            )

    def kill(self) -> None:
        """kill -9."""
        self.popen.kill()
        self.popen.wait()

    def stop(self) -> int:
        if self.popen is None or self.popen.poll() is not None:
            return 0
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(timeout=30)


@dataclass
class Product:
    """A running OMS with its venue, and what a client needs to talk to both."""

    data: Path
    mode: str = "embedded"
    venue_options: tuple[str, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)
    mariadb: str = MARIADB
    port: int = field(default_factory=free_port)
    venue_port: int = field(default_factory=free_port)
    processes: dict[str, Process] = field(default_factory=dict)
    facts: Json = field(default_factory=dict)
    before_start: Callable[[], object] | None = None  # Once what is needed is prepared.

    # --- life --------------------------------------------------------------------------------

    def start(self) -> "Product":
        """Prepare and start everything; returns when it is ready."""
        self.data.mkdir(parents=True, exist_ok=True)
        self._install()
        if self.before_start:
            self.before_start()
            self.manage("quickstart")  # Tells the venue of logins that changed.
        self.facts = json.loads((self.data / "quickstart.json").read_text())
        for process in self._processes():
            self.processes[process.name] = process
            process.start()
        self.wait_until_ready()
        return self

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            process.stop()
        if self.mode == "server":
            templates.drop_mariadb(self.mariadb, self._database)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            try:
                if requests.get(f"{self.base}/readyz", timeout=5).status_code == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not ready within {READY_WITHIN_S} s:\n{self.logs()}")

    def manage(self, *words: str) -> str:
        """Run a management command and give what it printed."""
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @staticmethod
    def printed(output: str) -> Json:
        """The JSON that a command printed."""
        return json.loads(output[output.index("{") :])

    def logs(self) -> str:
        """The end of every process's log."""
        return "\n".join(
            f"--- {name}\n{process.log.read_text()[-3000:]}"
            for name, process in self.processes.items()
        )

    # --- the client --------------------------------------------------------------------------

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def accounts(self) -> list[Json]:
        return self.facts["accounts"]

    def account(self, exchange_id: str, mode: str = "netting") -> Json:
        return next(
            account
            for account in self.accounts
            if account["exchange_id"] == exchange_id and account["position_mode"] == mode
        )

    def post(self, body: Any, *, timeout: float = 90, **query: Any) -> requests.Response:
        return requests.post(
            f"{self.base}/oms/commands",
            params=query,
            data=json.dumps(body),
            headers={"x-api-key": self.facts["api_key"], "content-type": "application/json"},
            timeout=timeout,
        )

    def command(self, name: str, account_id: int | None = None, **payload: Any) -> Json:
        """Give one command that must be completed; returns its result."""
        body = {"command": name, "payload": payload}
        body |= {} if account_id is None else {"account_id": account_id}
        result = self.post(body, wait_ms=60_000).json()["results"][0]
        assert result["status"] == "completed", f"{result}\n{self.logs()}"
        return result

    def buy(self, account: Json, qty: str = "0.01", **payload: Any) -> Json:
        """A completed market buy; returns the order."""
        payload = {"symbol": account["symbols"][0], "side": "buy", "order_type": "market",
                   "qty": qty, "strategy_id": 1} | payload  # fmt: skip
        return self.command("send_order", account["id"], **payload)["order"]

    def rest(self, account: Json, qty: str = "0.01", share: str = "0.9", **payload: Any) -> Json:
        """A resting limit order at a share of the price; returns the order."""
        price = str(int(self.mid(account) * Decimal(share)))
        return self.buy(account, qty, order_type="limit", price=price, **payload)

    def send(self, path: str, body: Json) -> Json:
        """POST something else than a command, which must succeed."""
        answer = requests.post(
            f"{self.base}{path}",
            json=body,
            headers={"x-api-key": self.facts["api_key"]},
            timeout=30,
        )
        assert answer.ok, answer.text
        return answer.json()

    def get(self, path: str, **query: Any) -> Json:
        answer = requests.get(
            f"{self.base}{path}",
            params=query,
            headers={"x-api-key": self.facts["api_key"]},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def every(self, path: str, **query: Any) -> list[Json]:
        """All pages of a list."""
        found, cursor = [], None
        while True:
            more = {} if cursor is None else {"cursor": cursor}
            page = self.get(path, limit=500, **query, **more)
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def order(self, order_id: int) -> Json:
        return self.get(f"/oms/orders/{order_id}")["items"][0]

    def positions(self, account: Json) -> list[Json]:
        return self.every("/oms/positions/open", account_ids=account["id"])

    def until(self, is_so, within_s: float, what: str) -> float:
        """Wait until ``is_so()``; returns the seconds it took.

        Within ``within_s`` seconds on a machine that has nothing else to do.
        """
        started = time.monotonic()
        while (waited_s := time.monotonic() - started) < within_s * PATIENCE:
            if is_so():
                return time.monotonic() - started
            time.sleep(min(max(waited_s / 10, 0.02), 0.25))  # Asking costs the product something.
        raise AssertionError(f"{what} not within {within_s} s\n{self.logs()}")

    # --- the venue ---------------------------------------------------------------------------

    def venue(self, method: str, path: str, body: Json | None = None, **query: Any) -> Any:
        """The venue's control port."""
        answer = requests.request(
            method,
            f"http://127.0.0.1:{self.venue_port}/paper/{path}",
            json=body,
            params=query,
            headers={"X-Paper-Token": TOKEN},
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json()

    def login(self, account: Json) -> str:
        logins = self.facts["venue"]["logins"]
        return next(row["api_key"] for row in logins if row["account_id"] == account["id"])

    def venue_symbol(self, account: Json) -> str:
        return account["symbols"][0].partition(":")[0].replace("/", "")

    def mid(self, account: Json) -> Decimal:
        return Decimal(self.venue("GET", "prices")["mids"][self.venue_symbol(account)])

    def set_price(self, account: Json, price: Decimal | int) -> None:
        body = {"symbol": self.venue_symbol(account), "price": str(price)}
        self.venue("POST", "prices", body)

    def journal(self, account: Json) -> list[Json]:
        """Every order and trade the venue knows of this account."""
        rows, after = [], 0
        while page := _rows(self.venue("GET", "journal", login=self.login(account), after=after)):
            rows += page
            after = page[-1]["seq"]
        return rows

    def order_posts(self) -> dict[str, int]:
        """How often an order was posted, by our client order id.

        One that was turned away unread, too late or above a limit, is proven not executed and may
        be posted again.
        """
        rows = self.venue("GET", "requests")["orders"]
        return {row["client_id"]: row["count"] - row["turned_away"] for row in rows}

    # --- underneath --------------------------------------------------------------------------

    @property
    def env(self) -> dict[str, str]:
        url = f"http://127.0.0.1:{self.venue_port}"
        env = {name: value for name, value in os.environ.items() if not name.startswith("OMS_")}
        env |= {
            "OMS_MODE": self.mode,
            "OMS_DATA_DIR": str(self.data),
            "OMS_PORT": str(self.port),
            "OMS_PAPER_PORT": str(self.venue_port),
            "OMS_EXCHANGE_URLS": json.dumps({"binance": url, "binanceusdm": url}),
            "OMS_RECV_WINDOW_MS": "2000",
            "OMS_NOT_FOUND_WINDOW_S": "5",
        }
        if self.mode == "server":
            env |= {
                "DATABASE_URL": f"{self.mariadb}/{self._database}",
                "OMS_BROKER_URL": f"{REDIS}/{REDIS_DATABASES[0]}",
                "OMS_RELAY_URL": f"{REDIS}/{REDIS_DATABASES[1]}",
                "DJANGO_SECRET_KEY": "only for tests, " * 4,
                "CREDENTIALS_KEYS": "only-for-tests-0123456789012345678901234567",
                "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
                "OMS_LOG_JSON": "false",
            }
        return env | self.settings

    @property
    def _database(self) -> str:
        return f"oms_e2e_{self.port}"

    def _processes(self) -> Iterable[Process]:
        python = [sys.executable, "-u"]
        venue = [*python, "-m", "gateway.paper", "--port", str(self.venue_port)]
        venue += ["--data", str(self.data / "paper"), "--control-token", TOKEN]
        venue += ["--logins", str(self.data / "paper" / "logins.json")]
        commands = {"venue": [*venue, *GENEROUS, *self.venue_options]}
        if self.mode == "embedded":
            commands["oms"] = [*python, "manage.py", "serve"]
        else:
            for name in ("worker", "beat", "web"):
                commands[name] = deployed.command(name, sys.executable)
            commands["beat"][-1] = str(self.data / "beat")
        for name, command in commands.items():
            yield Process(name, command, self.env, self.data / f"{name}.log")

    def _install(self) -> None:
        """What ``quickstart`` leaves: a copy, unless this product's own differs by its settings."""
        own = {"DATABASE_URL", "CREDENTIALS_KEYS", "DJANGO_SECRET_KEY", "OMS_HOST"}
        if own & set(self.settings) or any(self.data.iterdir()):
            self._make_database()
            self.manage("quickstart")
            return
        templates.fill_installed(f"installed-{self.mode}", self._install_once, self.data)
        if self.mode == "server":
            tables = self.data / TABLES
            templates.restore_mariadb(self.mariadb, self._database, tables)
            tables.unlink()
            self._forget_queues()
        facts = (self.data / "quickstart.json").read_text()
        here = {OTHERS_PORT: str(self.port), OTHERS_VENUE: str(self.venue_port)}
        for other, port in here.items():
            facts = facts.replace(other, port)
        (self.data / "quickstart.json").write_text(facts)

    def _install_once(self, folder: Path) -> None:
        ports = {"OMS_PORT": OTHERS_PORT, "OMS_PAPER_PORT": OTHERS_VENUE}
        first = Product(folder, self.mode, settings=ports, mariadb=self.mariadb)
        first._make_database()
        first.manage("quickstart")
        if self.mode == "server":
            templates.keep_mariadb(self.mariadb, first._database, folder / TABLES)
            templates.drop_mariadb(self.mariadb, first._database)

    def _make_database(self) -> None:
        if "DATABASE_URL" in self.settings:
            return  # A test's own; quickstart migrates it.
        if self.mode == "embedded":
            if not (self.data / "oms.sqlite3").exists():
                templates.fill_sqlite(self.data / "oms.sqlite3")
            return
        templates.fill_mariadb(self.mariadb, self._database)
        self._forget_queues()

    def _forget_queues(self) -> None:
        for number in REDIS_DATABASES:
            redis.Redis.from_url(f"{REDIS}/{number}").flushdb()


def _rows(page: Any) -> list[Json]:
    return page["rows"] if isinstance(page, dict) else page
