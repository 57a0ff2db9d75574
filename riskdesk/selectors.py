"""What has been decided about an account, as far as a caller may see it?"""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q

from accounts.models import Account, KeyPermission, Strategy
from accounts.rights.families import line_of
from accounts.rights.permissions import Caller, readable_strategies
from accounts.words import Right
from positions.models import Position
from positions.ports import exchange
from riskdesk.facts import Facts, flatten_facts, halt_facts, limit_facts, switch_facts
from riskdesk.models import Control, Flattening, KillSwitch, hold_name
from riskdesk.rules import Limits
from riskdesk.words import HaltState, KillScope, Scope

_OFF = Limits()


def risk_of(caller: Caller, account: Account) -> Facts:
    """Status, limits, halts, kill switches, the last flatten, and what of an account is not seen.

    Four queries, for a restricted key six. It is told of what is not seen what concerns the whole
    account only: in which symbols orders rest depends on others.
    """
    blind = exchange().blind([account.pk])[account.pk]
    if readable_strategies(caller, account.pk) is not None:
        blind = [each for each in blind if not each["name"]]
    controls = _visible(caller, account)
    whole = next((each for each in controls if each.scope == Scope.ACCOUNT), None)
    return {
        "account_id": account.pk,
        "status": account.status,
        "state": str(whole.state) if whole else str(HaltState.ACTIVE),
        "allow_new_positions": whole.allow_new_positions if whole else True,
        "limits": limit_facts(whole),
        "limits_by": [
            each.names() | limit_facts(each)
            for each in controls
            if each.scope != Scope.ACCOUNT and each.limits != _OFF
        ],
        "halts": [halt_facts(each) for each in controls if _holds_back(each)],
        "kill_switches": [switch_facts(each) for each in _pulled(account)],
        "flatten": _flatten(caller, account),
        "blind": blind,
    }


def strategies_of(caller: Caller, account: Account) -> list[Facts]:
    """The strategies of the account that the caller may read, newest first. Two queries."""
    allowed = readable_strategies(caller, account.pk)
    strategies = Strategy.objects.filter(accounts=account).order_by("-id")
    if allowed is not None:
        strategies = strategies.filter(pk__in=allowed)
    rows = Control.objects.filter(account=account, scope=Scope.STRATEGY)
    controls = {each.target: each for each in rows}
    return [_strategy_facts(each, controls.get(str(each.pk))) for each in strategies]


def _strategy_facts(strategy: Strategy, control: Control | None) -> Facts:
    return {
        "strategy_id": strategy.pk,
        "name": strategy.name,
        "status": strategy.status,
        "state": str(control.state) if control else str(HaltState.ACTIVE),
        "allow_new_positions": control.allow_new_positions if control else True,
        "limits": limit_facts(control),
    }


def _holds_back(control: Control) -> bool:
    return control.state != HaltState.ACTIVE or not control.allow_new_positions


def _visible(caller: Caller, account: Account) -> list[Control]:
    """The account's controls, of strategies and keys only those that hold for the caller.

    Who may manage risk on the whole account sees those of every key.
    """
    rows = Control.objects.filter(account=account).order_by("scope", "target")
    allowed = readable_strategies(caller, account.pk)
    if allowed is not None:
        names: Iterable[str] = map(str, allowed)
        rows = rows.exclude(~Q(target__in=[*names]), scope=Scope.STRATEGY)
    if allowed is not None or not caller.may(account.pk, Right.RISK_MANAGE):
        own = [str(number) for number in line_of(caller.api_key_id)]
        rows = rows.exclude(~Q(target__in=own), scope=Scope.KEY)
    return list(rows)


def _flatten(caller: Caller, account: Account) -> Facts | None:
    """The newest flatten; to a restricted key the positions of its own strategies only."""
    row = Flattening.objects.filter(account=account).order_by("-id").first()
    if row is None or readable_strategies(caller, account.pk) is None:
        return flatten_facts(row)
    named = [*row.closing, *(each["position_id"] for each in row.left)]
    own = Position.objects.visible_to(caller, [account.pk]).filter(pk__in=named)
    return flatten_facts(row, {*own.values_list("pk", flat=True)})


def _pulled(account: Account) -> list[KillSwitch]:
    """The switches that hold something on the account: its own, everybody's, its users'."""
    holds: list[Any] = [hold_name(KillScope.ALL), hold_name(KillScope.ACCOUNT, account.pk)]
    users = KeyPermission.objects.filter(account=account).values("api_key__user_id")
    mine = Q(holds__in=holds) | Q(scope=KillScope.USER, holds__isnull=False, target_id__in=users)
    return list(KillSwitch.objects.filter(mine).order_by("-id"))
