"""Do the books say what the exchange says, whatever happens there? Both modes, whole product.

Somebody else trades with the same login, the exchange liquidates and pays funding; afterwards
``verify_ledger --exchange`` compares.
"""

import json
import subprocess
import sys
import time
from decimal import Decimal
from itertools import count

import ccxt
import pytest
import requests

from ccxt_driver import OmsCcxtExchange
from tests.e2e.agreement import net_of_positions
from tests.e2e.conftest import missing_servers
from tests.e2e.product import ROOT, Json, Product

pytestmark = pytest.mark.e2e

LINEAR, SPOT, STREAMS = "ccxt.binanceusdm", "ccxt.binance", "ccxtpro.binance"
SOON_S = 15.0
_ids = count(1)


@pytest.fixture(scope="module", params=["embedded", "server"])
def product(request, tmp_path_factory):
    """A product that looks every second, at a venue whose prices move only when told."""
    assert request.param == "embedded" or not missing_servers()
    running = Product(
        tmp_path_factory.mktemp(request.param),
        mode=request.param,
        venue_options=("--volatility", "0", "--no-flow", "--funding-s", "15"),
        settings={"OMS_IMPORT_S": "1"},
    )
    try:
        running.start()
        running.until(lambda: knows_its_openings(running), 30, "the opening balances")
        yield running
    finally:
        running.stop()


def knows_its_openings(product: Product) -> bool:
    """Whether what each account began with is written down, so that a trade from now on is news."""
    log = product.processes["oms" if product.mode == "embedded" else "worker"].log.read_text()
    return log.count("opening.recorded") == len(product.accounts)


class Stranger:
    """Somebody with the same login who does not use the OMS."""

    def __init__(self, product: Product, account: Json) -> None:
        self.symbol = account["symbols"][0]
        key = product.login(account)
        logins = product.facts["venue"]["logins"]
        secret = next(row["secret"] for row in logins if row["api_key"] == key)
        name = "binanceusdm" if account["exchange_id"] == LINEAR else "binance"
        self.exchange = getattr(ccxt, name)({"apiKey": key, "secret": secret})
        self.exchange.options |= {"fetchCurrencies": False, "fetchMargins": False}
        base = f"http://127.0.0.1:{product.venue_port}"
        urls = self.exchange.urls["api"]
        self.exchange.urls["api"] = {
            part: f"{base}/{url.split('/', 3)[3]}" for part, url in urls.items() if url
        }

    def order(self, side: str, qty: str, price: str | None = None) -> Json:
        kind = "market" if price is None else "limit"
        params = {"clientOrderId": f"web{next(_ids)}"}
        return self.exchange.create_order(self.symbol, kind, side, qty, price, params)


def verify(product: Product, account: Json) -> tuple[int, str]:
    """``verify_ledger --exchange`` of one account."""
    words = ["verify_ledger", "--exchange", "--account-id", str(account["id"])]
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT, env=product.env, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def verified(product: Product, account: Json) -> None:
    """It ends clean; a payment of this very moment is brought in by the next round."""
    outcomes = []

    def is_clean() -> bool:
        outcomes.append(verify(product, account))
        return outcomes[-1][0] == 0

    try:
        product.until(is_clean, 2 * SOON_S, "agreement")
    except AssertionError:
        raise AssertionError(outcomes[-1][1]) from None


def externals(product: Product, account: Json) -> list[Json]:
    account_ids = account["id"]
    orders = product.every("/oms/orders/open", account_ids=account_ids)
    orders += product.every("/oms/orders/history", account_ids=account_ids)
    return [order for order in orders if order["reason"] == "external"]


def until_brought_in(product: Product, account: Json, placed: Json) -> Json:
    """The external order that a stranger's order becomes."""

    def found():
        ids = {order["exchange_order_id"]: order for order in externals(product, account)}
        return ids.get(placed["id"])

    product.until(lambda: found() is not None, SOON_S, "the external order")
    return found()


@pytest.mark.parametrize("exchange_id", [SPOT, STREAMS, LINEAR])
def test_a_strangers_order_becomes_external_with_one_position_of_its_own(product, exchange_id):
    account = product.account(exchange_id)
    product.buy(account, "0.01")
    before = {row["id"] for row in product.positions(account)}

    placed = Stranger(product, account).order("buy", "0.02")
    order = until_brought_in(product, account, placed)

    assert (order["status"], order["filled_qty"], order["strategy_id"]) == ("FILLED", "0.02", 0)
    (position,) = [row for row in product.positions(account) if row["id"] not in before]
    assert (position["side"], position["ticket"]) == ("buy", order["id"])
    verified(product, account)


def test_assigned_or_not_the_positions_are_the_exchanges_net(product):
    account = product.account(LINEAR)
    stranger = Stranger(product, account)
    order = until_brought_in(product, account, stranger.order("sell", "0.03"))
    before = net_of_positions(product, account)

    answer = requests.post(
        f"{product.base}/oms/reassign",
        json={"order_ids": [order["id"]], "target_strategy_id": 1},
        headers={"x-api-key": product.facts["api_key"]},
        timeout=30,
    ).json()

    assert answer["orders_updated"] == 1, answer
    held = stranger.exchange.fetch_positions([account["symbols"][0]])
    signs = {"long": 1, "short": -1}
    theirs = sum(signs[row["side"]] * Decimal(str(row["contracts"])) for row in held)
    assert net_of_positions(product, account) == before
    assert before.get(account["symbols"][0], Decimal(0)) == theirs
    verified(product, account)


def test_a_strangers_resting_order_is_followed_to_its_end(product):
    account = product.account(SPOT)
    stranger = Stranger(product, account)

    placed = stranger.order("buy", "0.01", "30000")
    order = until_brought_in(product, account, placed)
    stranger.exchange.cancel_order(placed["id"], account["symbols"][0])

    assert order["status"] == "SUBMITTED"
    product.until(lambda: product.order(order["id"])["status"] == "CANCELED", SOON_S, "the cancel")


def test_two_restarts_and_two_reconciles_add_no_rows(product):
    account = product.account(SPOT)
    product.buy(account, "0.01")
    until_brought_in(product, account, Stranger(product, account).order("buy", "0.01"))
    product.manage("reconcile", "--account-id", str(account["id"]))

    def rows(*lists):
        return {path: len(product.every(path, account_ids=account["id"])) for path in lists}

    booked = ("/oms/deals", "/oms/positions/open", "/oms/orders/history", "/oms/orders/open",
              "/oms/reconcile/cases")  # fmt: skip
    # A fill that came within its order's answer is evidence once more when a list shows it.
    raw, evidence = ("/ccxt/orders/raw", "/ccxt/trades/raw"), []

    before = rows(*booked)
    name = "oms" if product.mode == "embedded" else "worker"
    for _ in range(2):
        product.manage("reconcile", "--account-id", str(account["id"]))
        product.processes[name].stop()
        product.processes[name].start()
        product.wait_until_ready()
        time.sleep(2)  # Rounds go on meanwhile, one a second.
        evidence.append(rows(*raw))

    assert before["/oms/positions/open"]
    assert rows(*booked) == before
    assert evidence[0] == evidence[1]
    verified(product, account)


def test_funding_deals_add_up_to_what_the_exchange_paid(product):
    account = product.account(LINEAR)
    product.buy(account, "0.05")
    stranger = Stranger(product, account)
    product.until(stranger.exchange.fetch_funding_history, 2 * SOON_S, "funding")

    def ours() -> Decimal:
        deals = product.every("/oms/deals", account_ids=account["id"])
        return sum(Decimal(deal["profit"]) for deal in deals if deal["kind"] == "funding")

    def theirs() -> Decimal:
        rows = stranger.exchange.fapiPrivateGetIncome({"incomeType": "FUNDING_FEE", "limit": 1000})
        return sum(Decimal(row["income"]) for row in rows)

    bot = OmsCcxtExchange(
        api_key=product.facts["api_key"], account_id=account["id"], base_url=product.base
    )

    def of_bot() -> Decimal:
        paid = bot.fetch_funding_history(stranger.symbol)
        assert {(row["code"], row["symbol"]) for row in paid} <= {("USDT", stranger.symbol)}
        return sum(Decimal(row["info"]["profit"]) for row in paid)

    product.until(lambda: ours() and ours() == theirs() == of_bot(), SOON_S, "funding deals")
    position_id = product.buy(account, "0.01")["position_id"]
    product.command("close_position", position_id=position_id)
    verified(product, account)


def test_a_hidden_trade_is_named_with_both_sides(product):
    """Hidden: the OMS stands still while it happens."""
    account = product.account(LINEAR)
    for name in ("oms", "worker"):
        if name in product.processes:
            product.processes[name].stop()

    Stranger(product, account).order("buy", "0.07")
    code, out = verify(product, account)
    if "moving" in out:  # Funding was paid between two looks.
        code, out = verify(product, account)
    for name in ("oms", "worker"):
        if name in product.processes:
            product.processes[name].start()
    product.wait_until_ready()

    assert code == 1, out
    assert "position of BTC/USDT:USDT: ours " in out
    assert "balance of USDT: ours " in out
    verified(product, account)


def test_a_liquidation_is_booked_with_its_reason(product):
    account = another_account(product, money="1000")
    position_id = product.buy(account, "0.2", strategy_id=0)["position_id"]

    product.set_price(account, 55200)
    product.venue("POST", "step", {"count": 1})

    def closed():
        return product.get(f"/oms/positions/{position_id}")["items"][0]["state"] == "closed"

    product.until(closed, SOON_S, "the liquidation")
    product.set_price(account, 60000)
    deals = product.every("/oms/deals", account_ids=account["id"])
    reasons = {deal["reason"] for deal in deals if deal["entry"] == "out"}
    assert reasons == {"liquidation"}
    assert net_of_positions(product, account) == {}


def test_a_two_way_account_is_refused_and_nothing_is_sent(product):
    account = another_account(product, money="100000")
    stranger = Stranger(product, account)
    stranger.exchange.set_position_mode(True)
    body = {"account_id": account["id"], "command": "send_order",
            "payload": {"symbol": account["symbols"][0], "side": "buy", "order_type": "market",
                        "qty": "0.01"}}  # fmt: skip

    # Who has not asked before asks now; who did learns of the change by the exchange's no.
    first = product.post(body).json()["results"][0]
    known = product.post(body)

    assert (first["status"], first["order"]["status"]) == ("failed", "REJECTED")
    error = known.json()["results"][0]["error"]
    assert error["code"] == "validation_error"
    assert error["details"]["exchange_position_mode"] == "two_way"
    assert (known.status_code, product.journal(account)) == (422, [])
    assert connection(product, account) == 1
    stranger.exchange.set_position_mode(False)
    assert connection(product, account) == 0
    time.sleep(1.1)  # How long a process believes what it read.
    assert product.post(body).json()["results"][0]["order"]["status"] == "FILLED"


def connection(product: Product, account: Json) -> int:
    """The exit status of ``test_connection``."""
    words = ["test_connection", "--account-id", str(account["id"])]
    return subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=product.env, capture_output=True
    ).returncode


def another_account(product: Product, money: str) -> Json:
    """One more futures account, with a login of its own; from now on the client's key is for it."""
    login = {"api_key": f"another-{next(_ids)}", "secret": "s"}
    product.venue("POST", "logins", login | {"market": "linear", "balances": {"USDT": money}})
    words = ("--exchange-id", LINEAR, "--label", login["api_key"], "--position-mode", "netting")
    account_id = json.loads(product.manage("add_account", *words))["account"]["id"]
    product.manage("upsert_account_credentials", "--account-id", str(account_id),
                   "--api-key", login["api_key"], "--secret", login["secret"])  # fmt: skip
    key = json.loads(product.manage("create_api_key", "--user-name", "trader", "--account-id",
                                    str(account_id), "--label", login["api_key"]))  # fmt: skip
    product.facts["venue"]["logins"].append(login | {"account_id": account_id})
    product.facts["api_key"] = key["api_key"]["plain"]
    return {"id": account_id, "exchange_id": LINEAR, "symbols": ["BTC/USDT:USDT"]}
