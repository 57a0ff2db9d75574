"""With which login does the OMS speak to an account's exchange?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from accounts.fields import SecretUnreadable
from accounts.models import Account, Credentials
from accounts.words import LoginPart
from oms_project.errors import EngineUnavailable
from oms_project.secrecy import hide


@dataclass(frozen=True, slots=True)
class ExchangeLogin:
    """An exchange login in the clear, for as long as a session is being opened; empty is not set.

    Its fields are the ``LoginPart`` words.
    """

    api_key: str = ""
    secret: str = ""
    passphrase: str = ""
    uid: str = ""
    wallet_address: str = ""
    private_key: str = ""
    exchange_account_id: str = ""
    login_name: str = ""

    def __repr__(self) -> str:
        return "ExchangeLogin(…)"


@dataclass(frozen=True, slots=True)
class CredentialsState:
    """Which parts of a login are stored; says nothing of what they are."""

    parts: frozenset[LoginPart] = frozenset()

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "CredentialsState":
        """Of what ``is_set`` found, by its names."""
        return cls(frozenset(part for part in LoginPart if told[f"has_{part}"]))

    def as_words(self) -> dict[str, str]:
        """``{"api_key": "set", …}``: what screens, commands and the audit trail may show."""
        return {str(part): "set" if part in self.parts else "not set" for part in LoginPart}


def is_set(before: str = "") -> dict[str, Q]:
    """Annotations ``has_<part>``, found out without decrypting anything.

    ``before`` leads to the credentials.
    """
    return {f"has_{part}": Q(**{f"{before}{part}__isnull": False}) for part in LoginPart}


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
    told = {str(part): getattr(stored, part) or "" for part in LoginPart}
    hide(*told.values())
    return ExchangeLogin(**told)


def state_of(account: Account) -> CredentialsState:
    """What is set."""
    annotated = Credentials.objects.filter(account=account).annotate(**is_set())
    told = annotated.values(*is_set()).first()
    return CredentialsState() if told is None else CredentialsState.of(told)
