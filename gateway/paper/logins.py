"""Who trades here: logins with their keys and fees, and the ledger of what they own."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum

from gateway.paper.matching.amounts import ZERO
from gateway.paper.store import Store


class FeeMode(StrEnum):
    """The asset a spot fee is taken from."""

    BASE = "base"  # Binance's default: base on buys, quote on sells, i.e. what is received
    QUOTE = "quote"
    BNB = "bnb"  # falls back to BASE when there is not enough BNB


RATES = ("maker", "taker", "linear_maker", "linear_taker")


@dataclass(frozen=True, slots=True)
class Login:
    """An API key. Fees are rates (0.001 = 0.1 %); below zero is a rebate."""

    api_key: str
    secret: str
    uid: int
    fee_mode: FeeMode = FeeMode.BASE
    maker: Decimal = Decimal("0.001")
    taker: Decimal = Decimal("0.001")
    linear_maker: Decimal = Decimal("0.0002")
    linear_taker: Decimal = Decimal("0.0005")
    can_trade: bool = True


class InsufficientBalance(Exception):
    """A move would make a balance negative; nothing was moved."""


class Logins:
    """All logins, in memory and in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._logins: dict[str, Login] = {}
        self.load()

    def load(self) -> None:
        """Take everything from the store."""
        self._logins = {
            key: Login(
                **{
                    **body,
                    "fee_mode": FeeMode(body["fee_mode"]),
                    **{name: Decimal(body[name]) for name in RATES if name in body},
                }
            )
            for key, body in self._store.documents("login").items()
        }

    def get(self, api_key: str) -> Login | None:
        return self._logins.get(api_key)

    def __iter__(self):
        return iter(self._logins.values())

    def put(self, login: Login) -> None:
        """Create or change a login."""
        body = asdict(login) | {name: str(getattr(login, name)) for name in RATES}
        self._store.put_document("login", login.api_key, body)
        self._logins[login.api_key] = login


@dataclass(slots=True)
class Balance:
    """What a login owns of one asset; ``locked`` is set aside for open orders."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


class Ledger:
    """Balances by login, wallet (``spot``, ``linear``) and asset. Moves are exact."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._balances: dict[tuple[str, str], dict[str, Balance]] = {}
        self.load()

    def load(self) -> None:
        """Take everything from the store."""
        self._balances = defaultdict(dict)
        for login, wallet, asset, free, locked in self._store.balances():
            self._balances[login, wallet][asset] = Balance(free, locked)

    def of(self, login: str, wallet: str) -> dict[str, Balance]:
        """Balances by asset, for reading only."""
        return self._balances[login, wallet]

    def get(self, login: str, wallet: str, asset: str) -> Balance:
        """One balance, for reading only; zero when the login never had the asset."""
        return self._balances[login, wallet].get(asset) or Balance()

    def move(
        self,
        login: str,
        wallet: str,
        asset: str,
        *,
        free: Decimal = ZERO,
        locked: Decimal = ZERO,
        overdraft: bool = False,
    ) -> Balance:
        """Add to the free and the locked part (negative: take away); gives the new balance.

        Raises:
            InsufficientBalance: a part would fall below zero and ``overdraft`` is not allowed.
        """
        now = self.get(login, wallet, asset)
        new = Balance(now.free + free, now.locked + locked)
        if not overdraft and (new.free < 0 or new.locked < 0):
            raise InsufficientBalance(f"{login} {wallet} {asset}: {now} {free=} {locked=}")
        self._balances[login, wallet][asset] = new
        self._store.put_balance(login, wallet, asset, new.free, new.locked)
        return new
