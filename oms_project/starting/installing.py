"""What does a new installation need before the first order?

A first admin and a first trader for the browser, the trader's first key, strategy 1, and accounts
linked to it. Every step finds what is there already, so all of it is safe to repeat.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction

from accounts.audit import OPERATOR
from accounts.models import Account, ApiKey, KeyPermission, Strategy, User
from accounts.services import accounts as account_services
from accounts.services import keys as key_services
from accounts.services import strategies as strategy_services
from accounts.services import users as user_services
from accounts.words import Role

ADMIN_NAME = "admin"
TRADER_NAME = "trader"
STRATEGY_NAME = "First strategy"
KEY_LABEL = "First key"


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account as it is asked for."""

    exchange_id: str
    label: str
    position_mode: str = "netting"
    is_testnet: bool = False


@dataclass(frozen=True, slots=True)
class Installed:
    """What is there now; the plain texts are known only where they were made this time."""

    admin: User
    admin_password: str | None
    trader: User
    trader_password: str | None
    key: ApiKey
    key_plain: str | None
    strategy: Strategy
    accounts: Sequence[Account]


@transaction.atomic
def install(new_accounts: Iterable[NewAccount] = (), *, renew_secrets: bool = False) -> Installed:
    """Make what is missing; ``renew_secrets`` replaces both passwords and the first key.

    Accounts are recognised by exchange and label.

    Raises:
        OmsError: an account was asked for that cannot be.
    """
    admin, admin_password = _person(ADMIN_NAME, Role.ADMIN, renew_secrets)
    trader, trader_password = _person(TRADER_NAME, Role.TRADER, renew_secrets)
    accounts = [_account(new) for new in new_accounts]
    strategy = _strategy(accounts)
    key, key_plain = _key(trader, accounts, renew_secrets)
    return Installed(
        admin, admin_password, trader, trader_password, key, key_plain, strategy, accounts
    )


def _person(name: str, role: Role, renew: bool) -> tuple[User, str | None]:
    """The user, and their password where it was made now: to log in with a browser."""
    user = User.objects.filter(username=name).first()
    password = secrets.token_urlsafe(12)
    if user is None:
        user = user_services.create_user(user_name=name, role=role, by=OPERATOR, password=password)
        return user, password
    if renew or not user.has_usable_password():
        user_services.set_password(user=user, password=password, by=OPERATOR)
        return user, password
    return user, None


def _account(new: NewAccount) -> Account:
    found = Account.objects.filter(exchange_id=new.exchange_id, label=new.label).first()
    return found or account_services.add_account(
        exchange_id=new.exchange_id,
        label=new.label,
        position_mode=new.position_mode,
        is_testnet=new.is_testnet,
        by=OPERATOR,
    )


def _strategy(accounts: Sequence[Account]) -> Strategy:
    ids = [account.pk for account in accounts]
    strategy = Strategy.objects.order_by("id").first()
    if strategy is None:
        return strategy_services.create_strategy(name=STRATEGY_NAME, account_ids=ids, by=OPERATOR)
    for account_id in ids:
        strategy_services.link_strategy(strategy=strategy, account_id=account_id, by=OPERATOR)
    return strategy


def _key(trader: User, accounts: Sequence[Account], renew: bool) -> tuple[ApiKey, str | None]:
    grants = key_services.template_grants(Role.TRADER, [account.pk for account in accounts])
    key = ApiKey.objects.filter(user=trader, label=KEY_LABEL, status="active").first()
    if key is not None and renew:
        key_services.revoke_api_key(api_key=key, by=OPERATOR, comment="Replaced by install.")
        key = None
    if key is None:
        issued = key_services.create_api_key(
            user=trader, grants=grants, by=OPERATOR, label=KEY_LABEL
        )
        return issued.row, issued.plain
    granted = KeyPermission.objects.filter(api_key=key).values_list("account_id", flat=True)
    for account_id in set(grants) - set(granted):
        key_services.grant(
            api_key=key, account_id=account_id, rights=grants[account_id], by=OPERATOR
        )
    return key, None
