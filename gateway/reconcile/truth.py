"""What does an exchange say that an account has?

Asked for comparing, never for booking. ``None`` says that it could not be told, which is not the
same as nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils import timezone

from gateway.exchanges.numbers import Unreadable, exact
from gateway.loop import db
from gateway.models import SeenBalance
from gateway.reconcile.held import held_contracts
from gateway.sessions.outcomes import CallFailed
from gateway.sessions.session import Session
from positions.engine.money import plain

Amounts = dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Truth:
    """One look at an account.

    ``positions``: signed contracts per symbol of derivatives. ``balances``: per currency all that
    is owned, as ``positions.ledger.balances`` adds it up: without unrealised profit, less what the
    open contracts were bought for; ``slack`` is by how much that may be off. ``why`` says why a
    side is None; ``is_silent``: because a question failed, not because the exchange cannot tell.
    """

    positions: Amounts | None
    balances: Amounts | None
    why: Mapping[str, str | None]
    slack: Mapping[str, Decimal] = field(default_factory=dict)
    is_silent: bool = False


async def look(session: Session) -> Truth:
    """Ask for positions and balances. Never raises a failed call: what failed is None."""
    rows: list[dict[str, Any]] | None = []
    why: dict[str, str | None] = {}
    if session.has_contracts:
        rows, failed = await _asked(session.fetch_positions())
        why |= failed
    balance, failed = await _asked(session.fetch_balance())
    why |= failed
    # Reading amounts computes with Decimal, which the exchange loop must not (gateway.loop).
    return await db(_read, session, rows, balance, why)


async def _asked(question: Any) -> tuple[Any, dict[str, str | None]]:
    try:
        return await question, {}
    except CallFailed as failure:
        return None, failure.details


def _read(
    session: Session,
    rows: list[dict[str, Any]] | None,
    balance: dict[str, Any] | None,
    why: dict[str, str | None],
) -> Truth:
    if rows is None:
        return Truth(None, None, why, is_silent=True)
    try:
        held = [held_contracts(row, session.exchange.market(row["symbol"])) for row in rows]
    except Unreadable as fault:
        return Truth(None, None, {"exception": str(fault)})
    positions = _sums((one.symbol, one.qty) for one in held)
    if balance is None:
        return Truth(positions, None, why, is_silent=True)
    try:
        owned = _wallet(session, balance, flat=not positions)
    except Unreadable as fault:
        return Truth(positions, None, {"exception": str(fault)})
    _keep(session.account_id, owned)
    costs = [(one.currency, -one.cost) for one in held]
    slack = _sums((one.currency, one.slack) for one in held)
    return Truth(positions, _sums([*owned.items(), *costs]), why, slack)


def _wallet(session: Session, balance: Mapping[str, Any], *, flat: bool) -> Amounts:
    """Everything owned per currency, without unrealised profit.

    Raises:
        Unreadable: the exchange tells derivatives' money only together with unrealised profit.
    """
    key = session.facts.wallet_key
    assets = (balance.get("info") or {}).get("assets") if key and session.has_contracts else None
    if assets:
        code = session.exchange.safe_currency_code
        owned = {code(row["asset"]): exact(row.get(key)) for row in assets}
    elif session.has_contracts and not flat:
        raise Unreadable("the balance includes unrealised profit")
    else:
        total = balance.get("total") or {}
        owned = {currency: exact(amount) for currency, amount in total.items()}
    return {currency: amount for currency, amount in owned.items() if amount is not None}


def _keep(account_id: int, owned: Amounts) -> None:
    """Remember what is owned for whoever wants to see it; nothing is decided by it."""
    amounts = {currency: plain(amount) for currency, amount in sorted(owned.items()) if amount}
    SeenBalance.objects.update_or_create(
        account_id=account_id, defaults={"amounts": amounts, "asked_at": timezone.now()}
    )


def _sums(amounts: Iterable[tuple[str, Decimal]]) -> Amounts:
    """Added up by name; zeros are left out."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for name, amount in amounts:
        sums[name] += amount
    return {name: amount for name, amount in sums.items() if amount}
