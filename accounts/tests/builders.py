"""Rows for tests, made by the services that make them in earnest."""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from accounts import services
from accounts.audit import OPERATOR
from accounts.models import Account, Strategy, User
from accounts.rights.permissions import AccountRights, Caller, StrategyRights
from accounts.services import IssuedKey
from accounts.words import LoginPart, Right, Role

PASSWORD = "correct horse battery"


def exchange_ids() -> frozenset[str]:
    """Stands in for ``gateway.exchanges.capabilities.exchange_ids``."""
    return frozenset({"ccxt.binance", "ccxtpro.binance", "ccxt.kraken"})


def probe(account_id: int) -> list[SimpleNamespace]:
    """Stands in for ``gateway.connection.probe``: an exchange that knows the login no more."""
    return [
        SimpleNamespace(name="engine", result="ok", facts={"exchange_id": "ccxt.binance"}),
        SimpleNamespace(name="login", result="failed", facts={"exception": "AuthenticationError"}),
    ]


def user(name: str = "alice", role: str = Role.TRADER) -> User:
    return services.create_user(user_name=name, role=role, password=PASSWORD, by=OPERATOR)


def account(label: str = "main", **settings: Any) -> Account:
    settings = {"exchange_id": "ccxt.binance", **settings}
    return services.add_account(label=label, by=OPERATOR, **settings)


def strategy(name: str, *accounts: Account) -> Strategy:
    return services.create_strategy(
        name=name, account_ids=[account.pk for account in accounts], by=OPERATOR
    )


def key(
    owner: User, *accounts: Account, strategies: Iterable[Strategy] = (), **facts: Any
) -> IssuedKey:
    """A key with the template of its owner's role."""
    grants = services.template_grants(
        owner.role,
        [account.pk for account in accounts],
        [strategy.pk for strategy in strategies],
    )
    return services.create_api_key(user=owner, grants=grants, by=OPERATOR, **facts)


def caller(role: Role, rights: Mapping[int, AccountRights]) -> Caller:
    """A caller out of thin air, for the questions that need no database."""
    return Caller(user_id=1, user_name="someone", role=role, api_key_id=1, rights=rights)


def everything(strategies: Iterable[int] | None = None) -> AccountRights:
    """All that a key can say, restricted to ``strategies`` if given."""
    listed = None if strategies is None else {number: StrategyRights() for number in strategies}
    return AccountRights(frozenset(Right), listed)


def wallet_parts(exchange_id: str) -> tuple[LoginPart, ...]:
    """What an exchange wants that knows wallets; named in settings."""
    return (LoginPart.WALLET_ADDRESS, LoginPart.PRIVATE_KEY)
