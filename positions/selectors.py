"""Reads that span models, or need a price."""

from collections.abc import Iterable
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from django.conf import settings

from accounts.models import Account
from accounts.permissions import Caller, readable_strategies
from oms_project.errors import Invalid, OmsError
from positions import rows
from positions.engine.holding import floating_profit
from positions.models import AccountLane, Position
from positions.ports import RiskState, exchange, risk_gate


def marked_rows(positions: Iterable[Position]) -> list[dict[str, Any]]:
    """Positions with mark price and floating profit, null where no price is known."""
    prices: dict[tuple[int, str], Decimal | None] = {}
    marked = []
    for position in positions:
        market = position.account_id, position.symbol
        if market not in prices:
            prices[market] = exchange().last_price(*market)
        marked.append(_marked(position, prices[market]))
    return marked


def single_account(account_ids: list[int]) -> int:
    """The one account of a list that must name one.

    Raises:
        Invalid: it names several.
    """
    if len(account_ids) != 1:
        raise Invalid(
            "The event log is read one account at a time.",
            field="account_ids",
            limit=1,
            value=len(account_ids),
        )
    return account_ids[0]


def account_rows(caller: Caller, accounts: Iterable[Account]) -> list[dict[str, Any]]:
    """Accounts with the caller's rights on them."""
    accounts = list(accounts)
    account_ids = [account.pk for account in accounts]
    lanes = AccountLane.objects.in_bulk(account_ids)
    states = risk_gate().states(account_ids)
    return [
        _account_row(caller, account, lanes.get(account.pk), states[account.pk])
        for account in accounts
    ]


def _account_row(
    caller: Caller, account: Account, lane: AccountLane | None, risk: RiskState
) -> dict[str, Any]:
    strategies = readable_strategies(caller, account.pk)
    return {
        "id": account.pk,
        "label": account.label,
        "exchange_id": account.exchange_id,
        "is_testnet": account.is_testnet,
        "position_mode": account.position_mode,
        "reversal": account.reversal,
        "status": account.status,
        "risk": asdict(risk),
        "rebased_to": settings.OMS_EXCHANGE_URLS.get(account.ccxt_id),
        "rights": sorted(caller.rights_on(account.pk).granted),
        "strategy_ids": None if strategies is None else sorted(strategies),
        "last_seq": lane.last_seq if lane else 0,
    }


def _marked(position: Position, mark: Decimal | None) -> dict[str, Any]:
    if mark is None or not position.qty:
        return rows.position_row(position, mark_price=mark)
    try:
        market = exchange().market(position.account_id, position.symbol).engine_market
    except OmsError:
        return rows.position_row(position, mark_price=mark)
    profit = floating_profit(position.holding, mark, market)
    return rows.position_row(position, mark_price=mark, floating_profit=profit)
