"""Which words does ``accounts`` know?

The closed vocabularies that the models take their choices from. ``PositionMode`` and ``Reversal``
are spelled exactly as in ``positions.engine.types``: ``accounts`` is below ``positions`` and cannot
import it.
"""

from enum import StrEnum

LONGEST_COMMENT = 255


class LoginPart(StrEnum):
    """What an exchange may want to be logged in to; each wants some. Columns of ``Credentials``."""

    API_KEY = "api_key"
    SECRET = "secret"  # noqa: S105 (a name)
    PASSPHRASE = "passphrase"  # noqa: S105 (a name)
    UID = "uid"
    WALLET_ADDRESS = "wallet_address"
    PRIVATE_KEY = "private_key"
    EXCHANGE_ACCOUNT_ID = "exchange_account_id"
    LOGIN_NAME = "login_name"


class Role(StrEnum):
    """What a user is for; see ``accounts.rights.permissions`` for what each role may do."""

    ADMIN = "admin"
    TRADER = "trader"
    PORTFOLIO_MANAGER = "portfolio_manager"
    ROBOT = "robot"
    RISK = "risk"
    READONLY = "readonly"


class Right(StrEnum):
    """What a key may do on one account. The values are the columns of ``KeyPermission``."""

    READ = "can_read"
    TRADE = "can_trade"
    CLOSE_POSITION = "can_close_position"
    RISK_MANAGE = "can_risk_manage"
    BLOCK_NEW_POSITIONS = "can_block_new_positions"
    BLOCK_ACCOUNT = "can_block_account"
    SEE_BALANCE = "can_see_balance"


class Engine(StrEnum):
    """How an exchange is reached: polling over REST, or with private streams as well."""

    REST = "ccxt"
    STREAMS = "ccxtpro"


class PositionMode(StrEnum):
    """Which fills share a position on one account."""

    NETTING = "netting"
    STRATEGY_NETTING = "strategy_netting"
    HEDGE = "hedge"


class Reversal(StrEnum):
    """What a fill across zero does in the netting modes."""

    SPLIT = "split"
    MT5 = "mt5"


class Protection(StrEnum):
    """Who watches the stops of a spot account: the OMS, or a stop order at the exchange."""

    OMS = "oms"
    EXCHANGE = "exchange"


class AccountStatus(StrEnum):
    """A blocked account opens nothing; it can still be closed and unblocked."""

    ACTIVE = "active"
    BLOCKED = "blocked"


class RawStorage(StrEnum):
    """Where an account's raw exchange evidence is kept; reads are the same."""

    SHARED = "shared"
    DEDICATED = "dedicated"


class KeyStatus(StrEnum):
    """A revoked key never becomes active again."""

    ACTIVE = "active"
    REVOKED = "revoked"


class StrategyStatus(StrEnum):
    """Orders are accepted for active strategies only."""

    ACTIVE = "active"
    DISABLED = "disabled"


def values_of(words: type[StrEnum]) -> list[str]:
    """The words as plain strings, which is how a migration should remember them."""
    return [word.value for word in words]


def choices_of(words: type[StrEnum]) -> list[tuple[str, str]]:
    """The words as the choices of a model field or a form."""
    return [(word.value, word.value) for word in words]
