"""Three strategies that share one account, trade at random, and must always add up."""

import hashlib
import hmac
import random
import secrets
import sqlite3
import time
from collections import Counter
from decimal import Decimal
from urllib.parse import urlencode

import requests

from tests.e2e.agreement import market_of, net_of_positions
from tests.e2e.product import Json, Product

BATCH = 50
MOVING = {"PENDING_SUBMIT", "SENDING", "UNKNOWN"}
EXPECTED = {
    "validation_error",  # More than is held, or nothing left to close.
    "position_close_in_progress",
    "invalid_order_state",  # Filled or cancelled meanwhile.
    "invalid_position_id",
    "position_not_found",
    "order_rejected",  # A reduce-only order that came too late.
    "conflict",
}


def add_strategy_account(product: Product, exchange_id: str) -> Json:
    """A strategy-netting account with a login at the venue; the product's key may trade it."""
    added = product.manage(
        "add_account", "--exchange-id", exchange_id, "--label", f"three strategies, {exchange_id}",
        "--position-mode", "strategy_netting",
    )  # fmt: skip
    account = Product.printed(added)["account"]
    spot = not exchange_id.endswith("usdm")
    account["symbols"] = ["BTC/USDT"] if spot else ["BTC/USDT:USDT"]
    login = {"api_key": f"three-{secrets.token_hex(16)}", "secret": secrets.token_hex(32)}
    market = {"market": market_of(account), "balances": {"USDT": "100000000"}}
    product.venue("POST", "logins", login | market)
    product.manage(
        "upsert_account_credentials", "--account-id", str(account["id"]),
        "--api-key", login["api_key"], "--secret", login["secret"],
    )  # fmt: skip
    product.facts["venue"]["logins"].append(login | {"account_id": account["id"]})
    return account


def add_strategies(product: Product, accounts: list[Json]) -> list[int]:
    """Three strategies that both accounts know, and a key for all of it."""
    let_product_trade(product, accounts)
    account_ids = [account["id"] for account in accounts]
    return [
        product.send("/strategies", {"name": name, "account_ids": account_ids})["strategy_id"]
        for name in ("slow", "fast", "contrary")
    ]


def let_product_trade(product: Product, accounts: list[Json]) -> None:
    """From now on the product's key is one for these accounts."""
    ids = [word for account in accounts for word in ("--account-id", str(account["id"]))]
    key = product.manage("create_api_key", "--user-name", "trader", *ids)
    product.facts["api_key"] = Product.printed(key)["api_key"]["plain"]


def add_robot(product: Product, name: str, account: Json) -> tuple[str, int]:
    """The restricted key of a new robot, and its strategy."""
    body = {"name": name, "account_ids": [account["id"]]}
    strategy_id = product.send("/strategies", body)["strategy_id"]
    product.manage("create_user", "--user-name", name, "--role", "robot", "--no-password")
    told = product.manage(
        "create_api_key", "--user-name", name, "--account-id", str(account["id"]),
        "--strategy-id", str(strategy_id),
    )  # fmt: skip
    return product.printed(told)["api_key"]["plain"], strategy_id


class Traders:
    """Three strategies on one account; the same seed gives the same dice."""

    def __init__(
        self, product: Product, account: Json, strategies: list[int], *, seed: int
    ) -> None:
        self.kinds: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.batches = 0
        self.orders = 0
        self._product = product
        self._account = account
        self._strategies = strategies
        self._dice = random.Random(seed * 1_000 + account["id"])

    def trade(self, orders: int) -> "Traders":
        """Batch after batch until so many orders exist; after each one everything adds up."""
        while self.orders < orders:
            positions = self._product.positions(self._account)
            working = self._open_orders()
            price = self._product.mid(self._account)
            batch = [self._command(positions, working, price) for _ in range(BATCH)]
            answer = self._product.post(batch, parallel="true", wait_ms=60_000)
            assert answer.status_code < 500, answer.text[:2000]
            for command, result in zip(batch, answer.json()["results"], strict=True):
                self._note(command, result)
            self._product.until(self._adds_up, 60, f"batch {self.batches}: {self._sums()}")
            self.batches += 1
        return self

    # --- what they do ---

    def _command(self, positions: list[Json], working: list[Json], price: Decimal) -> Json:
        dice = self._dice.random()
        if dice < 0.08 and working:
            order_id = self._dice.choice(working)["id"]
            return self._as("cancel_order", order_id=order_id)
        if dice < 0.15 and working:
            order = self._dice.choice(working)
            return self._as("change_order", order_id=order["id"], new_price=self._far(order, price))
        if dice < 0.22 and (pair := self._opposite(positions)):
            a, b = pair
            return self._as("close_by", position_id_a=a["id"], position_id_b=b["id"])
        if dice < 0.32 and positions:
            position = self._dice.choice(positions)
            part = self._dice.choice([{}, {"qty": self._qty()}])
            return self._as("close_position", position_id=position["id"], **part)
        if dice < 0.42 and positions:
            return self._reversal(self._dice.choice(positions))
        return self._order(price, limit=dice > 0.75)

    def _order(self, price: Decimal, *, limit: bool) -> Json:
        side = self._dice.choice(["buy", "buy", "sell"] if self._on_spot else ["buy", "sell"])
        more: Json = {"order_type": "market"}
        if limit:
            more = {"order_type": "limit", "price": self._far({"side": side}, price)}
        elif self._dice.random() < 0.1:
            more["reduce_only"] = True
        strategy_id = self._dice.choice(self._strategies)
        return self._send(side, self._qty(), strategy_id, **more)

    def _reversal(self, position: Json) -> Json:
        """More than the position, on the other side."""
        side = "sell" if position["side"] == "buy" else "buy"
        step = Decimal("0.001")
        qty = Decimal(position["qty"]) // step * step + Decimal(self._qty())
        return self._send(side, str(qty), position["strategy_id"], order_type="market")

    def _send(self, side: str, qty: str, strategy_id: int, **more: object) -> Json:
        symbol = self._account["symbols"][0]
        return self._as(
            "send_order", symbol=symbol, side=side, qty=qty, strategy_id=strategy_id, **more
        )

    def _as(self, command: str, **payload: object) -> Json:
        return {"account_id": self._account["id"], "command": command, "payload": payload}

    def _far(self, order: Json, price: Decimal) -> str:
        """From a tenth away to just across, so that some rest and some trade."""
        away = self._dice.randint(-1, 10) if order["side"] == "buy" else -self._dice.randint(-1, 10)
        return str(int(price * (100 - away) / 100))

    def _opposite(self, positions: list[Json]) -> tuple[Json, Json] | None:
        longs = [each for each in positions if each["side"] == "buy"]
        shorts = [each for each in positions if each["side"] == "sell"]
        if not longs or not shorts:
            return None
        return self._dice.choice(longs), self._dice.choice(shorts)

    def _qty(self) -> str:
        return f"0.{self._dice.randint(2, 40):03}"

    @property
    def _on_spot(self) -> bool:
        return market_of(self._account) == "spot"

    # --- whether it adds up ---

    def _note(self, command: Json, result: Json) -> None:
        name = command["command"]
        self.kinds[name] += result["ok"]
        if result["ok"]:
            self.orders += name in ("send_order", "close_position") and bool(result["orders"])
            return
        code = result["error"]["code"]
        assert code in EXPECTED, f"{command}: {result}"
        self.refused[code] += 1

    def _adds_up(self) -> bool:
        if any(order["status"] in MOVING for order in self._open_orders()):
            return False
        ours, theirs = self._sums()
        return ours == theirs

    def _sums(self) -> tuple[Decimal, Decimal]:
        """What our positions and our dust say, and what the venue says."""
        symbol = self._account["symbols"][0]
        base = "BTC" if self._on_spot else symbol
        net = net_of_positions(self._product, self._account).get(symbol, Decimal(0))
        ours = net + dust_of(self._product, self._account, base)
        venue = balance_of if self._on_spot else net_position_of
        return ours, venue(self._product, self._account)

    def _open_orders(self) -> list[Json]:
        return self._product.every("/oms/orders/open", account_ids=self._account["id"])


def dust_of(product: Product, account: Json, currency: str) -> Decimal:
    """The account's dust record, read where it lies: no list shows it."""
    with sqlite3.connect(f"file:{product.data / 'oms.sqlite3'}?mode=ro", uri=True) as database:
        row = database.execute(
            "SELECT qty FROM positions_dust WHERE account_id = ? AND currency = ?",
            (account["id"], currency),
        ).fetchone()
    return Decimal(row[0]) if row else Decimal(0)


def balance_of(product: Product, account: Json) -> Decimal:
    """What the venue's spot wallet holds of the base currency."""
    logins = product.venue("GET", "logins")
    own = next(row for row in logins if row["api_key"] == product.login(account))
    held = own["balances"]["spot"].get("BTC", {"free": "0", "locked": "0"})
    return Decimal(held["free"]) + Decimal(held["locked"])


def net_position_of(product: Product, account: Json) -> Decimal:
    """The venue's own net position, asked as its client would."""
    logins = product.facts["venue"]["logins"]
    login = next(row for row in logins if row["account_id"] == account["id"])
    query = urlencode({"timestamp": int(time.time() * 1000), "recvWindow": 5000})
    mac = hmac.new(login["secret"].encode(), query.encode(), hashlib.sha256)
    answer = requests.get(
        f"http://127.0.0.1:{product.venue_port}/fapi/v3/positionRisk?{query}"
        f"&signature={mac.hexdigest()}",
        headers={"X-MBX-APIKEY": login["api_key"]},
        timeout=30,
    )
    answer.raise_for_status()
    symbol = product.venue_symbol(account)
    amounts = [row["positionAmt"] for row in answer.json() if row["symbol"] == symbol]
    return sum(map(Decimal, amounts), Decimal(0))
