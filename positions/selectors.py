"""Reads that span models, or need a price."""

from collections.abc import Collection, Iterable
from dataclasses import asdict
from typing import Any

from django.conf import settings

from accounts.models import Account
from accounts.rights.permissions import Caller, readable_strategies
from accounts.selectors import client_strategy_ids
from oms_project.errors import EventsExpired, Invalid, OmsError
from positions import rows
from positions.engine.holding import floating_profit
from positions.models import AccountLane, Event, Position
from positions.ports import RiskState, SeenBalances, SeenPrice, exchange, risk_gate


def marked_rows(positions: Iterable[Position]) -> list[dict[str, Any]]:
    """Positions with mark price, its time and floating profit, null where no price is known."""
    prices: dict[tuple[int, str], SeenPrice | None] = {}
    marked, page = [], list(positions)
    client_strategy_ids(position.strategy_id for position in page)  # All at once, for the rows.
    owing = rows.owing_fees(page)
    for position in page:
        market = position.account_id, position.symbol
        if market not in prices:
            prices[market] = exchange().seen_price(*market)
        marked.append(_marked(position, prices[market], owing))
    return marked


def marks_of(positions: Iterable[Position]) -> list[dict[str, Any]]:
    """Of the same rows only what a price changes: one for each position, in their order."""
    names = ("id", "mark_price", "price_at", "floating_profit")
    return [{name: row[name] for name in names} for row in marked_rows(positions)]


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


def require_kept_events(account_id: int, since_seq: int) -> None:
    """The log still holds every event after ``since_seq``.

    Raises:
        EventsExpired: some were deleted (``OMS_EVENT_RETENTION_DAYS``).
        Invalid: the account has no event of that number yet: the log was restored from a backup,
            or the number is another account's.
    """
    lane = AccountLane.objects.filter(pk=account_id).first()
    newest = lane.last_seq if lane else 0
    if since_seq > newest:
        raise Invalid(
            "There is no such event yet.", field="since_seq", limit=newest, value=since_seq
        )
    oldest = Event.objects.filter(account_id=account_id).since(0).first()
    kept_from = newest + 1 if oldest is None else oldest.seq
    if since_seq + 1 < kept_from:
        raise EventsExpired(account_id=account_id, since_seq=since_seq, oldest_seq=kept_from)


def account_rows(caller: Caller, accounts: Iterable[Account]) -> list[dict[str, Any]]:
    """Accounts with the caller's rights on them."""
    accounts = list(accounts)
    account_ids = [account.pk for account in accounts]
    lanes = AccountLane.objects.in_bulk(account_ids)
    states = risk_gate().states(account_ids)
    balances = exchange().seen_balances(account_ids)
    return [
        _account_row(caller, account, lanes.get(account.pk), states[account.pk])
        | _balances_row(caller, account.pk, balances.get(account.pk))
        for account in accounts
    ]


def _balances_row(caller: Caller, account_id: int, seen: SeenBalances | None) -> dict[str, Any]:
    """What is owned, where the exchange was asked. A restricted key asks for its share of it by
    ``fetchBalance``: the whole would tell of other strategies.
    """
    if seen is None or readable_strategies(caller, account_id) is not None:
        return {"balances": None, "balances_at": None}
    return {"balances": dict(seen.amounts), "balances_at": rows.time_text(seen.at)}


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
        "last_seq": _last_seq(caller, account.pk, lane, strategies),
    }


def _last_seq(
    caller: Caller, account_id: int, lane: AccountLane | None, strategies: frozenset[int] | None
) -> int:
    """The newest event that the caller is entitled to."""
    if strategies is None:
        return lane.last_seq if lane else 0
    newest = Event.objects.visible_to(caller, [account_id]).order_by("-seq").first()
    return newest.seq if newest else 0


def _marked(position: Position, seen: SeenPrice | None, owing: Collection[int]) -> dict[str, Any]:
    if seen is None or not position.qty:
        return rows.position_row(position, seen=seen, owing=owing)
    try:
        market = exchange().market(position.account_id, position.symbol).engine_market
    except OmsError:
        return rows.position_row(position, seen=seen, owing=owing)
    profit = floating_profit(position.holding, seen.price, market)
    return rows.position_row(position, seen=seen, floating_profit=profit, owing=owing)
