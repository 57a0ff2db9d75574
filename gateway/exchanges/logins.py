"""What does an exchange want to be logged in to, in our words and in ccxt's?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from accounts.words import LoginPart
from gateway.exchanges import seen

if TYPE_CHECKING:
    from accounts.credentials import ExchangeLogin

CCXT_NAMES: Mapping[LoginPart, str] = {
    LoginPart.API_KEY: "apiKey",
    LoginPart.SECRET: "secret",
    LoginPart.PASSPHRASE: "password",
    LoginPart.UID: "uid",
    LoginPart.WALLET_ADDRESS: "walletAddress",
    LoginPart.PRIVATE_KEY: "privateKey",
    LoginPart.EXCHANGE_ACCOUNT_ID: "accountId",
    LoginPart.LOGIN_NAME: "login",
}
_USUAL = ("apiKey", "secret")


def needed(exchange_id: str) -> tuple[LoginPart, ...]:
    """The parts without which its class of ccxt refuses to sign; key and secret where unknown."""
    wanted = seen.login_fields(exchange_id)
    wanted = _USUAL if wanted is None else wanted
    return tuple(part for part, name in CCXT_NAMES.items() if name in wanted)


def as_ccxt(login: "ExchangeLogin") -> dict[str, str]:
    """The attributes of a ccxt instance that the login sets."""
    return {name: value for part, name in CCXT_NAMES.items() if (value := getattr(login, part))}
