"""A running product for scripts of MetaTrader: accounts that net and hedge, without fees where
numbers have to be round, and somebody else in the market who takes and gives at exact prices.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import requests

from ccxt_driver import mt5
from tests.e2e.product import GENEROUS, Json, Product, free_port
from tests.faults.proxy import Proxy

STILL = ("--tick-ms", "0", "--no-flow", *GENEROUS)
# Accounts without fees: exchange and position mode by name.
ACCOUNTS = {
    "netting": ("ccxt.binanceusdm", "netting"),
    "hedge": ("ccxt.binanceusdm", "hedge"),
    "strategies": ("ccxt.binanceusdm", "strategy_netting"),
    "coins": ("ccxt.binance", "netting"),
    "others": ("ccxt.binanceusdm", "netting"),
    "other coins": ("ccxt.binance", "netting"),
}
# Of those that every product begins with, which pay fees.
USUAL = {
    "spot": ("ccxt.binance", "netting"),
    "spot hedge": ("ccxt.binance", "hedge"),
    "usdm": ("ccxt.binanceusdm", "netting"),
}


@dataclass
class Desk:
    """A product between two proxies: one can change what the exchange says, one what the OMS says.

    ``accounts`` by their names in ``ACCOUNTS`` and ``USUAL``; all have one key, ``key``; the
    risk desk has another one.
    """

    product: Product
    exchange: Proxy
    oms: Proxy
    office: "BackOffice"
    accounts: dict[str, Json]
    key: str
    officers_key: str

    @property
    def base(self) -> str:
        """Where scripts reach the OMS, through the proxy."""
        return f"http://127.0.0.1:{self.oms.port}"

    def connect(self, name: str, timeout_ms: int = 30_000) -> Json:
        """Connect this process to an account."""
        account = self.accounts[name]
        connected = mt5.initialize(
            login=account["id"], password=self.key, server=self.base, timeout=timeout_ms
        )
        assert connected, mt5.last_error()
        return account

    def settings(self, name: str) -> dict[str, str]:
        """The variables of a script that names no login."""
        account_id = str(self.accounts[name]["id"])
        return {"OMS_BASE_URL": self.base, "OMS_API_KEY": self.key, "OMS_ACCOUNT_ID": account_id}

    def officer(self, act: str, **body: object) -> None:
        """Do something at the risk desk."""
        answer = requests.post(
            f"{self.product.base}/oms/risk/{act}",
            json=body | {"comment": "a test"},
            headers={"x-api-key": self.officers_key},
            timeout=60,
        )
        assert answer.ok, answer.text

    # --- the market --------------------------------------------------------------------------

    def price(self, price: Decimal | str, symbol: str = "BTCUSDT") -> None:
        """Move the market."""
        self.product.venue("POST", "prices", {"symbol": symbol, "price": str(price)})

    def offer(
        self, side: str, qty: str, price: str, symbol: str, who: str, *, moves: bool = True
    ) -> None:
        """Have somebody else's order stand at this price, better than the rest of the world's.

        The market is there already, unless ``moves``.
        """
        if moves:
            self.price(price, symbol.partition(":")[0].replace("/", ""))
        self.product.command(
            "send_order", self.accounts[who]["id"], symbol=symbol, side=side, order_type="limit",
            qty=qty, price=price,
        )  # fmt: skip


def prepare(data: Path) -> Desk:
    """Start a product and add these accounts."""
    venue_port = free_port()
    exchange = Proxy(venue_port).start()
    product = Product(
        data, venue_options=STILL, venue_port=venue_port, settings=exchange.exchange_urls
    )
    oms = Proxy(product.port).start()
    product.start()
    office = BackOffice(product)
    accounts = {name: office.account(name, *words) for name, words in ACCOUNTS.items()}
    ids = [account["id"] for account in (*product.accounts, *accounts.values())]
    key = office.key(office.user_id("trader"), ids)
    officers_key = office.key(office.user("officer", "risk"), ids)
    product.facts["api_key"] = key
    usual = {name: product.account(*words) for name, words in USUAL.items()}
    return Desk(product, exchange, oms, office, accounts | usual, key, officers_key)


class BackOffice:
    """What an admin does for the tests."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._token = None
        admin = product.facts["admin"]
        words = {"user_name": admin["username"], "password": admin["password"]}
        self._token = self._ask("POST", "/auth/login-password", **words)["token"]

    def account(self, name: str, exchange_id: str, position_mode: str) -> Json:
        """An account that reverses as MetaTrader does, with a login that pays no fees."""
        spot = not exchange_id.endswith("usdm")
        login = {"api_key": f"mt5-{name.replace(' ', '-')}", "secret": f"a secret of {name}"}
        self._product.venue("POST", "logins", login | {
            "maker": "0", "taker": "0", "fee_mode": "quote", "balances": {"USDT": "100000000"},
            "market": "spot" if spot else "linear",
        })  # fmt: skip
        account_id = self._ask(
            "POST", "/backoffice/accounts", exchange_id=exchange_id, label=name,
            position_mode=position_mode, reversal="mt5", credentials=login,
        )["account_id"]  # fmt: skip
        self._product.facts["venue"]["logins"].append(login | {"account_id": account_id})
        return {"id": account_id, "exchange_id": exchange_id, "position_mode": position_mode,
                "symbols": ["BTC/USDT" if spot else "BTC/USDT:USDT"]}  # fmt: skip

    def user(self, name: str, role: str) -> int:
        """A new user; gives the id."""
        return self._ask("POST", "/backoffice/users", user_name=name, role=role)["user_id"]

    def user_id(self, name: str) -> int:
        """The id of a user that is there."""
        found = self._ask("GET", "/backoffice/users")["items"]
        return next(row["user_id"] for row in found if row["user_name"] == name)

    def key(self, user_id: int, account_ids: list[int], **more: object) -> str:
        """A key with the rights of its user's role."""
        body = {"user_id": user_id, "account_ids": account_ids} | more
        return self._ask("POST", "/backoffice/api-keys", **body)["api_key"]

    def _ask(self, method: str, path: str, **body: object) -> Json:
        headers = {"x-api-key": self._token} if self._token else {}
        answer = requests.request(
            method, f"{self._product.base}{path}", json=body or None, headers=headers, timeout=30
        )
        assert answer.ok, answer.text
        return answer.json()
