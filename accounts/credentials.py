"""With which login does the OMS speak to an account's exchange?"""

from dataclasses import dataclass

from accounts.fields import SecretUnreadable
from accounts.models import Account, Credentials
from oms_project.errors import EngineUnavailable
from oms_project.secrecy import hide


@dataclass(frozen=True, slots=True)
class ExchangeLogin:
    """An exchange login in the clear, for as long as a session is being opened."""

    api_key: str
    secret: str
    passphrase: str = ""

    def __repr__(self) -> str:
        return "ExchangeLogin(…)"


@dataclass(frozen=True, slots=True)
class CredentialsState:
    """Which parts of a login are stored; says nothing of what they are."""

    api_key: bool = False
    secret: bool = False
    passphrase: bool = False

    def as_words(self) -> dict[str, str]:
        """``{"api_key": "set", …}``: what screens, commands and the audit trail may show."""
        return {
            name: "set" if getattr(self, name) else "not set"
            for name in ("api_key", "secret", "passphrase")
        }


def login_of(account: Account) -> ExchangeLogin:
    """The decrypted login of the account; no log shows it from now on.

    Raises:
        EngineUnavailable: none is stored, or no key in CREDENTIALS_KEYS opens it.
    """
    try:
        stored = Credentials.objects.filter(account=account).first()
    except SecretUnreadable as error:
        raise EngineUnavailable(
            "The account's credentials cannot be decrypted with CREDENTIALS_KEYS.",
            account_id=account.pk,
        ) from error
    if stored is None:
        raise EngineUnavailable("The account has no credentials.", account_id=account.pk)
    hide(stored.api_key, stored.secret, stored.passphrase)
    return ExchangeLogin(stored.api_key, stored.secret, stored.passphrase or "")


def state_of(account: Account) -> CredentialsState:
    """What is set, found out without decrypting anything."""
    stored = Credentials.objects.filter(account=account)
    if not stored.exists():
        return CredentialsState()
    return CredentialsState(
        api_key=True, secret=True, passphrase=stored.filter(passphrase__isnull=False).exists()
    )
