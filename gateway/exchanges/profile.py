"""Which exchange, and which of its markets, does an account see?"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from accounts.models import Account
from accounts.words import RawStorage
from gateway.exchanges import capabilities
from gateway.exchanges.rebase import base_of
from oms_project.errors import AccountNotFound

KEY_LENGTH = 191
PROFILE_LIFE_S = 10


@dataclass(frozen=True, slots=True)
class Profile:
    """What decides which session and markets an account has, and where its evidence goes; no
    secret in it.
    """

    account_id: int
    exchange_id: str
    is_testnet: bool = False
    default_type: str = ""
    uid: str = ""
    raw_storage: RawStorage = RawStorage.SHARED

    @property
    def key(self) -> str:
        """The same for accounts that see the same markets."""
        name = capabilities.ccxt_id(self.exchange_id)
        parts = [name, self.default_type, "testnet" if self.is_testnet else ""]
        key = "/".join(filter(None, parts))
        if base := base_of(name):
            key += f"@{base}"
        if len(key) <= KEY_LENGTH:
            return key
        mark = hashlib.sha256(key.encode()).hexdigest()
        return f"{key[: KEY_LENGTH - len(mark) - 1]}#{mark}"


_profiles: dict[int, tuple[Profile, float]] = {}


def profile_for(account_id: int) -> Profile:
    """The account's profile, at most ten seconds old.

    Raises:
        AccountNotFound: there is no such account.
    """
    known = _profiles.get(account_id)
    if known is not None and monotonic() - known[1] < PROFILE_LIFE_S:
        return known[0]
    account = Account.objects.filter(pk=account_id).first()
    if account is None:
        raise AccountNotFound(account_id=account_id)
    found = profile_of(account)
    _profiles[account_id] = (found, monotonic())
    return found


def profile_of(account: Account) -> Profile:
    """What matters here of an account row; of ``extra_config`` only allow-listed fields."""
    extra = account.extra_config if isinstance(account.extra_config, Mapping) else {}
    return Profile(
        account_id=account.pk,
        exchange_id=account.exchange_id,
        is_testnet=account.is_testnet,
        default_type=_word(extra.get("defaultType")),
        uid=_word(extra.get("uid")),
        raw_storage=RawStorage(account.raw_storage),
    )


def forget(account_id: int | None = None) -> None:
    """Read the account's settings again (``None``: those of all accounts)."""
    if account_id is None:
        _profiles.clear()
    else:
        _profiles.pop(account_id, None)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""
