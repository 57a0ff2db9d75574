"""A product with many accounts of one address, and a venue with its real limits."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from tests.e2e.product import Json, Process, Product

# Binance's own, as the paper venue starts without options.
REAL_LIMITS = ("--weight-limit", "6000", "--orders-10s", "100", "--orders-1d", "200000",
               "--raw-limit", "61000", "--linear-weight-limit", "2400",
               "--linear-orders-10s", "300", "--linear-orders-1m", "1200")  # fmt: skip
SYMBOLS = {
    "ccxt.binance": ["BTC/USDT", "ETH/USDT", "BNB/USDT", "SOL/USDT", "LTC/USDT", "AVAX/USDT"],
    "ccxt.binanceusdm": ["BTC/USDT:USDT", "ETH/USDT:USDT", "BNB/USDT:USDT", "SOL/USDT:USDT"],
}
MARKET = {"ccxt.binance": "spot", "ccxt.binanceusdm": "linear"}
# About 150 USDT worth, in each market's step.
QTY = {"BTC": "0.003", "ETH": "0.05", "BNB": "0.25", "SOL": "1", "LTC": "2", "AVAX": "5"}
TICK = {"BTC": "0.1", "ETH": "0.01", "BNB": "0.01", "SOL": "0.01", "LTC": "0.01", "AVAX": "0.01"}

_MAKE = """
import json, secrets
from accounts.audit import OPERATOR
from accounts.services.accounts import upsert_credentials
from oms_project.starting.installing import NewAccount, install
wanted = {wanted}
made = install([NewAccount(kind, f"Crowd {{kind}} {{n}}") for kind, count in wanted
                for n in range(count)])
rows = []
for account in made.accounts:
    login = {{"api_key": f"crowd-{{account.pk}}-" + secrets.token_hex(16),
             "secret": secrets.token_hex(32)}}
    upsert_credentials(account=account, by=OPERATOR, **login)
    rows.append(login | {{"id": account.pk, "exchange_id": account.exchange_id}})
print(json.dumps({{"rows": rows}}))
"""


@dataclass
class Crowd(Product):
    """``count`` accounts of each kind beside the usual ones, in ``crowd``."""

    count: int = 20
    crowd: list[Json] = field(default_factory=list)

    def make_accounts(self) -> None:
        """Before the product starts."""
        wanted = [(kind, self.count) for kind in SYMBOLS]
        made = self.manage("shell", "-c", _MAKE.format(wanted=wanted))
        self.crowd = self.printed(made[made.index('{"rows"') :])["rows"]
        for row in self.crowd:
            row["symbols"] = SYMBOLS[row["exchange_id"]]

    def _processes(self) -> Iterable[Process]:
        path = self.data / "paper" / "logins.json"
        logins = json.loads(path.read_text())
        logins += [
            {
                "api_key": row["api_key"],
                "secret": row["secret"],
                "market": MARKET[row["exchange_id"]],
                "balances": {"USDT": "1000000"},
            }
            for row in self.crowd
        ]
        path.write_text(json.dumps(logins))
        return super()._processes()

    def mids(self) -> dict[str, Decimal]:
        """The venue's prices, by symbol; the control port weighs nothing."""
        mids = self.venue("GET", "prices")["mids"]
        named = {symbol for symbols in SYMBOLS.values() for symbol in symbols}
        return {
            symbol: Decimal(mids[symbol.partition(":")[0].replace("/", "")]) for symbol in named
        }


def base_of(symbol: str) -> str:
    return symbol.partition("/")[0]


def priced(symbol: str, price: Decimal) -> str:
    """A price in the market's tick."""
    tick = Decimal(TICK[base_of(symbol)])
    return f"{price // tick * tick:f}"
