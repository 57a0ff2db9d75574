"""A canary for a credential: it trades, and turns up nowhere. A revoked key, in two processes."""

import asyncio
import json
import re
import threading
import time

import pytest
import requests

from tests.e2e.conftest import missing_servers
from tests.e2e.product import PATIENCE, REDIS, REDIS_DATABASES, Process, Product, free_port
from tests.e2e.sockets import connected

pytestmark = pytest.mark.e2e

GOOD = {"api_key": "CanaryKey5b0c71", "secret": "CanarySecret5b0c72"}
WRONG = {"api_key": "CanaryKey5b0c73", "secret": "CanarySecret5b0c74", "passphrase": "Canary5b0c75"}
CANARY = re.compile(rb"5b0c7[1-5]")
WITHIN_S = 1.0
# They hold the paper venue's logins on purpose, mode 0600.
MEANT_TO = {"quickstart.json", "logins.json"}


class Listener(threading.Thread):
    """Everything that Redis is told, as its MONITOR shows it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        import redis

        self.heard: list[bytes] = []
        # However long nothing is said, it goes on listening.
        self._connection = redis.Redis.from_url(
            f"{REDIS}/{REDIS_DATABASES[0]}", socket_timeout=None
        )

    def run(self) -> None:
        with self._connection.monitor() as monitor:
            for entry in monitor.listen():
                self.heard.append(str(entry).encode())


@pytest.fixture(params=["embedded", "server"])
def product(request, tmp_path):
    """A product at DEBUG whose first account has the canary for a login."""
    if request.param == "server" and (missing := missing_servers()):
        pytest.fail(f"server mode needs {', '.join(missing)}")
    # Over plain HTTP, so that the cookies of the admin site come back.
    settings = {"OMS_LOG_LEVEL": "DEBUG", "OMS_HTTPS": "false"}
    made = Product(tmp_path / "data", mode=request.param, settings=settings)
    made.before_start = lambda: made.manage(
        "upsert_account_credentials",
        "--account-id",
        "1",
        *(word for name, value in GOOD.items() for word in (f"--{name.replace('_', '-')}", value)),
    )
    try:
        yield made.start()
    finally:
        made.stop()


def test_a_credential_is_nowhere_but_at_the_exchange(product):
    listener = Listener()
    listener.start() if product.mode == "server" else None
    answers = [json.dumps(product.buy(product.account("ccxt.binance")))]
    answers += _use_a_wrong_login(product)
    answers += _read_everything(product)
    answers += _open_the_admin_site(product)
    answers.append(product.manage("dumpdata"))

    places = {f"answer {number}": text.encode() for number, text in enumerate(answers)}
    for path in product.data.rglob("*"):
        if path.is_file() and path.name not in MEANT_TO and "paper" not in path.parts:
            places[path.name] = path.read_bytes()
    places["redis"] = b"\n".join(listener.heard)

    assert [name for name, text in places.items() if CANARY.search(text)] == []
    assert len(places) > 40
    if product.mode == "server":
        assert listener.heard


def test_a_key_that_is_taken_away_is_refused_by_every_process_and_its_sockets_close(product):
    """Revoked, or for other addresses only from now on."""
    second = _second_web(product)
    admin = {"x-api-key": _admin_key(product)}
    changes = [{"status": "revoked"}, {"ip_allow_list": ["203.0.113.7"]}]
    try:
        for change in changes:
            key_id, plain = _new_key(product)
            for base in (product.base, second):
                assert _profile(base, plain) == 200

            def take_away(key_id=key_id, change=change):
                url = f"{product.base}/backoffice/api-keys/{key_id}"
                requests.patch(url, json=change, headers=admin, timeout=10).raise_for_status()
                return time.monotonic()

            code, closed_s = asyncio.run(_until_closed(product, second, plain, take_away))
            refused = [_profile(base, plain) for base in (product.base, second)]

            print(f"{product.mode}: {change}: closed by the other process after {closed_s:.3f} s")
            assert (code, refused) == (4401, [401, 401])
            assert closed_s < WITHIN_S * PATIENCE
    finally:
        product.processes.pop("second").stop()


async def _until_closed(product, base, plain, take_away) -> tuple[int | None, float]:
    """The code that a socket at ``base`` is closed with, and the seconds that it took."""
    async with connected(product, key=plain, base=base) as client:
        assert (await client.ask("ping"))["ok"]
        taken_away_at_s = await asyncio.to_thread(take_away)
        code = await client.close_code()
        return code, time.monotonic() - taken_away_at_s


def _profile(base, plain) -> int:
    asked = {"headers": {"x-api-key": plain}, "timeout": 10}
    return requests.get(f"{base}/user/profile", **asked).status_code


def _second_web(product) -> str:
    port = free_port()
    web = product.processes.get("web")
    command = web.command if web else [*product.processes["oms"].command[:2], "manage.py", "web"]
    env = product.env | {"OMS_PORT": str(port)}
    process = Process("second", command, env, product.data / "second.log")
    product.processes["second"] = process
    process.start()

    def answers() -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=2).ok
        except requests.ConnectionError:
            return False

    product.until(answers, 60, "the second web process")
    return f"http://127.0.0.1:{port}"


def _admin_key(product) -> str:
    return json.loads(product.manage("create_api_key", "--user-name", "admin"))["api_key"]["plain"]


def _new_key(product, account_id: int = 1) -> tuple[int, str]:
    made = json.loads(
        product.manage("create_api_key", "--user-name", "trader", "--account-id", str(account_id))
    )["api_key"]
    return made["id"], made["plain"]


def _use_a_wrong_login(product) -> list[str]:
    """An account whose login the venue does not know: its errors are logged and answered."""
    admin = {"x-api-key": _admin_key(product)}
    body = {"exchange_id": "ccxt.binance", "label": "wrong", "credentials": WRONG}
    made = requests.post(
        f"{product.base}/backoffice/accounts", json=body, headers=admin, timeout=30
    )
    account_id = made.json()["account_id"]
    plain = _new_key(product, account_id)[1]
    order = {"symbol": "BTC/USDT", "side": "buy", "order_type": "market", "qty": "0.01"}
    sent = requests.post(
        f"{product.base}/oms/commands?wait_ms=20000",
        json={"account_id": account_id, "command": "send_order", "payload": order},
        headers={"x-api-key": plain},
        timeout=60,
    )
    return [made.text, sent.text]


def _read_everything(product) -> list[str]:
    """Every list that a program can read, as admin and as trader."""
    document = requests.get(f"{product.base}/api/schema?format=json", timeout=60).json()
    lists = [path for path, kinds in document["paths"].items() if "get" in kinds]
    keys = (product.facts["api_key"], _admin_key(product))
    found = []
    for path in lists:
        asked = product.base + re.sub(r"\{\w+\}", "1", path)
        for key in keys:
            answer = requests.get(
                asked, params={"account_ids": "1"}, headers={"x-api-key": key}, timeout=30
            )
            bare = requests.get(asked, headers={"x-api-key": key}, timeout=30)
            found += [answer.text, bare.text]
    return found


def _open_the_admin_site(product) -> list[str]:
    """Every list of the admin site, and the form of each first row."""
    browser = requests.Session()
    browser.get(f"{product.base}/admin/login/", timeout=30)
    login = {
        "username": product.facts["admin"]["username"],
        "password": product.facts["admin"]["password"],
        "csrfmiddlewaretoken": browser.cookies["csrftoken"],
        "next": "/admin/",
    }
    home = browser.post(f"{product.base}/admin/login/", data=login, timeout=30).text
    pages = [home]
    for address in sorted(set(re.findall(r'href="(/admin/\w+/\w+/)"', home))):
        listed = browser.get(product.base + address, timeout=30).text
        pages.append(listed)
        for row in re.findall(rf'href="({address}[^"/]+/change/)', listed)[:6]:
            pages.append(browser.get(product.base + row, timeout=30).text)
    assert len(pages) > 15
    return pages
