"""May a key or a strategy be made now, and under which limits?

What is made under a halt would not be under it: so nobody makes any while something is held back.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q

from accounts.models import Account, ApiKey
from accounts.words import AccountStatus
from oms_project.errors import RiskBlocked
from positions.outbox import holding
from riskdesk.facts import control_facts
from riskdesk.models import LIMIT_NAMES, Control, KillSwitch, hold_name
from riskdesk.words import HaltState, KillScope, Scope

_RATE = ("max_orders", "orders_interval_s")
# A longer look back for repeated orders is the tighter one; of all other numbers the smaller.
_LONGER_IS_TIGHTER = frozenset({"repeat_within_s"})
_HELD_BACK = ~Q(state=HaltState.ACTIVE) | Q(allow_new_positions=False)


class Desk:
    """The implementation of ``accounts.ports.MakingDesk``."""

    def require_free(self, user_id: int, reach: Mapping[int, frozenset[int] | None]) -> None:
        """Return where nothing holds the user back, nor anything within ``reach``."""
        self.require_open(user_id, reach)
        rows = Control.objects.filter(_HELD_BACK, account_id__in=reach)
        for control in rows.filter(scope__in=(Scope.STRATEGY, Scope.SYMBOL)).order_by("pk"):
            seen = reach[control.account_id]
            if control.scope == Scope.SYMBOL or seen is None or int(control.target) in seen:
                raise _held_back(control)

    def require_open(self, user_id: int, account_ids: Iterable[int]) -> None:
        """Return where neither the user, a key of theirs nor an account is held back."""
        ids = sorted(account_ids)
        names = [hold_name(KillScope.ALL), hold_name(KillScope.USER, user_id)]
        names += [hold_name(KillScope.ACCOUNT, number) for number in ids]
        if pulled := KillSwitch.objects.filter(holds__in=names).order_by("pk").first():
            raise _refusal("kill_switch", pulled.scope, pulled.target_id, "released", "pulled")
        blocked = Account.objects.filter(pk__in=ids).exclude(status=AccountStatus.ACTIVE)
        if account := blocked.order_by("pk").first():
            raise _refusal(
                "account_status", Scope.ACCOUNT, account.pk, AccountStatus.ACTIVE, account.status
            )
        keys = ApiKey.objects.filter(user_id=user_id).values_list("pk", flat=True)
        own = Q(scope=Scope.KEY, target__in=[str(number) for number in keys])
        whole = Q(scope=Scope.ACCOUNT, account_id__in=ids)
        if control := Control.objects.filter(_HELD_BACK, own | whole).order_by("pk").first():
            raise _held_back(control)

    def hand_down(self, strategy_id: int, account_id: int, from_ids: Iterable[int]) -> None:
        """Store the tightest limits of ``from_ids`` for the new strategy."""
        names = [str(number) for number in from_ids]
        rows = Control.objects.filter(account_id=account_id, scope=Scope.STRATEGY, target__in=names)
        tightest = _tightest(list(rows))
        if not tightest:
            return
        control = Control(account_id=account_id, scope=Scope.STRATEGY, target=str(strategy_id))
        with holding(account_id) as lane:
            for name, value in tightest.items():
                setattr(control, name, value)
            control.updated_at = lane.now
            control.save()
            facts = {"account_id": account_id, **control.names()}
            lane.tell(
                "limits_changed",
                facts | control_facts(control, tightest) | {"comment": "taken over"},
                strategy_id=strategy_id,
                namespace="risk",
            )


def _tightest(controls: list[Control]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in LIMIT_NAMES:
        values = [each for control in controls if (each := getattr(control, name)) is not None]
        if not values or name in _RATE:
            continue
        if name == "symbols":
            found[name] = sorted(set.intersection(*map(set, values)))
        else:
            found[name] = max(values) if name in _LONGER_IS_TIGHTER else min(values)
    rates = [
        (control.max_orders / control.orders_interval_s, control)
        for control in controls
        if control.max_orders is not None and control.orders_interval_s
    ]
    if rates:
        _, slowest = min(rates, key=lambda rate: rate[0])
        found |= {name: getattr(slowest, name) for name in _RATE}
    return found


def _held_back(control: Control) -> RiskBlocked:
    halted = control.state != HaltState.ACTIVE
    names = control.names()
    return _refusal(
        "halt" if halted else "allow_new_positions",
        names["scope"],
        names["id"],
        HaltState.ACTIVE if halted else True,
        control.state if halted else False,
    )


def _refusal(rule: str, scope: str, target: Any, limit: Any, value: Any) -> RiskBlocked:
    return RiskBlocked(
        "No keys and strategies are made while something is held back.",
        rule=rule,
        scope=scope,
        id=target,
        limit=limit,
        value=value,
    )
