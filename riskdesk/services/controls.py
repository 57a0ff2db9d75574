"""Set halts, limits, openings and the status of an account.

Each change is made under the account's lane: what is accepted after it has seen it. Orders that
wait to be sent and may not be any more are rejected right afterwards; releasing revives none.
"""

from collections.abc import Mapping
from typing import Any

from accounts import audit
from accounts.audit import Actor
from accounts.models import Account
from accounts.rights.acts import Act
from accounts.words import AccountStatus
from oms_project.errors import AccountNotFound
from positions import projector
from positions.engine.market import Market
from positions.models import MarketTerms, Order, Position
from positions.outbox import HeldLane, holding
from positions.ports import exchange
from riskdesk import reach
from riskdesk.facts import control_facts
from riskdesk.limits import changed_limits, needs_values
from riskdesk.models import Control
from riskdesk.services.comments import require_comment
from riskdesk.targets import WHOLE_ACCOUNT, Target
from riskdesk.words import HaltState, Scope


def set_halt(
    *,
    target: Target,
    state: HaltState,
    comment: str,
    by: Actor,
    account_id: int | None = None,
) -> list[Control]:
    """The target is active, reduce-only or halted on each account that ``by`` reaches with it.

    ``account_id``: the account itself where that is the target, and the one account that the back
    office means.

    Raises:
        Invalid: no comment, or a symbol that no account in reach has.
        OmsError: as ``reach.halted_accounts``.
    """
    account_ids = reach.halted_accounts(by, target, account_id)
    comment = require_comment(comment)
    for each in account_ids:
        reach.existing_account(each)
    return [
        _change(each, one, {"state": state}, event="halt_changed", comment=comment, by=by)
        for each, one in reach.targets_on(account_ids, target)
    ]


def allow_new_positions(
    *, account_id: int, allowed: bool, comment: str, by: Actor, strategy_id: int | None = None
) -> Control:
    """Openings are allowed or blocked, on the whole account or for one strategy there.

    Raises:
        AccountNotFound, PermissionDenied, StrategyPermissionDenied: ``by`` may not.
        NotFound: the account has no such strategy.
        Invalid: no comment.
    """
    target = WHOLE_ACCOUNT
    if strategy_id is None:
        by.require(Act.ALLOW_OPENINGS, account_id)
        reach.existing_account(account_id)
    else:
        by.require(Act.ALLOW_STRATEGY_OPENINGS, account_id, strategy_id)
        target = Target(Scope.STRATEGY, str(reach.linked_strategy(account_id, strategy_id).pk))
    return _change(
        account_id,
        target,
        {"allow_new_positions": allowed},
        event=f"{target.scope}_allow_new_positions_changed",
        comment=require_comment(comment),
        by=by,
    )


def set_limits(
    *,
    account_id: int,
    changes: Mapping[str, Any],
    comment: str,
    by: Actor,
    target: Target = WHOLE_ACCOUNT,
) -> Control:
    """The limits named in ``changes`` are these now, ``None`` switches one off; the rest stays.

    They bind from the next order on; what was accepted before is not judged again.

    Raises:
        AccountNotFound, PermissionDenied, StrategyPermissionDenied: ``by`` may not.
        NotFound: the account has no such strategy or key.
        Invalid: no comment, or a value that cannot be.
        EngineUnavailable: an amount of money is limited, and the markets of what is open are not
            known.
    """
    _require_limits(by, account_id, target)
    comment = require_comment(comment)
    markets = _markets(account_id) if needs_values(changes) else []
    with holding(account_id) as lane:
        for market in markets:
            MarketTerms.objects.current(account_id, market)
        control = _control(account_id, target)
        wanted = changed_limits(control.limits, changes, scope=target.scope)
        return _save(lane, control, wanted, event="limits_changed", comment=comment, by=by)


def set_account_status(
    *, account_id: int, status: AccountStatus, comment: str, by: Actor
) -> Account:
    """The account is active or blocked; blocked, it can still be closed.

    Raises:
        AccountNotFound: there is no such account.
        PermissionDenied, StrategyPermissionDenied: ``by`` may not.
        Invalid: no comment.
    """
    by.require(Act.SET_STATUS, account_id)
    comment = require_comment(comment)
    with holding(account_id) as lane:
        account = Account.objects.filter(pk=account_id).first()
        if account is None:
            raise AccountNotFound(account_id=account_id)
        before, account.status = account.status, status
        account.save(update_fields=["status", "updated_at"])
        audit.record(
            by=by,
            action="account_status_changed",
            object_type="account",
            object_id=account_id,
            before={"status": before},
            after={"status": status},
            comment=comment,
        )
        if before != status:
            facts = {"account_id": account_id, "status": status, "comment": comment}
            lane.tell("account_status_changed", facts, namespace="risk")
    projector.reject_stopped(account_id)
    return account


def _require_limits(by: Actor, account_id: int, target: Target) -> None:
    if target.scope is Scope.STRATEGY:
        by.require(Act.SET_STRATEGY_LIMITS, account_id, target.strategy_id)
        reach.linked_strategy(account_id, target.strategy_id)
        return
    by.require(Act.SET_LIMITS, account_id)
    reach.existing_account(account_id)
    if target.scope is Scope.KEY:
        reach.require_key_on(account_id, int(target.name))


def _change(account_id: int, target: Target, wanted: Mapping[str, Any], **told: Any) -> Control:
    with holding(account_id) as lane:
        control = _save(lane, _control(account_id, target), wanted, **told)
    projector.reject_stopped(account_id)
    return control


def _control(account_id: int, target: Target) -> Control:
    """The control's row, or one that restricts nothing and is not stored yet."""
    named = {"account_id": account_id, "scope": target.scope, "target": target.name}
    return Control.objects.filter(**named).first() or Control(**named)


def _save(
    lane: HeldLane,
    control: Control,
    wanted: Mapping[str, Any],
    *,
    event: str,
    comment: str,
    by: Actor,
) -> Control:
    before = control_facts(control, wanted)
    for name, value in wanted.items():
        setattr(control, name, value)
    control.updated_at = lane.now
    control.save()
    after = control_facts(control, wanted)
    named = {"account_id": control.account_id, **control.names()}
    audit.record(
        by=by,
        action=event,
        object_type=f"risk_{control.scope}",
        object_id=control.target or control.account_id,
        before=named | before,
        after=named | after,
        comment=comment,
    )
    if after != before:
        strategy_id = Target(Scope(control.scope), control.target).strategy_id
        lane.tell(
            event,
            named | after | {"comment": comment},
            strategy_id=strategy_id,
            namespace="risk",
        )
    return control


def _markets(account_id: int) -> list[Market]:
    """The markets of everything open, so that it can be valued; asked outside any transaction."""
    symbols: set[str] = set()
    for rows in (Order.objects.open(), Position.objects.open()):
        symbols |= set(rows.filter(account_id=account_id).values_list("symbol", flat=True))
    return [exchange().market(account_id, symbol).engine_market for symbol in sorted(symbols)]
