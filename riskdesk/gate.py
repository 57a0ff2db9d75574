"""May this order pass? The implementation of the risk port.

Asked under the account's lane, so two orders can never both use up the last of a limit. Nothing is
remembered between two questions: what the desk decides counts from its commit on, in every process.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from accounts.models import Account
from accounts.rights.families import family_of, lines_of
from accounts.words import AccountStatus
from oms_project.errors import RiskBlocked
from positions.ports import Intent, RiskState, Valued, Waiting
from riskdesk import exposure, rules
from riskdesk.measures import closes_its_book
from riskdesk.models import Control, KillSwitch, hold_name
from riskdesk.rules import Limits
from riskdesk.words import HaltState, KillScope, Scope

_OFF = Limits()


@dataclass(frozen=True, slots=True)
class _Opening:
    """Whose order wants to open exposure, and where; ``line`` is its key with those it descends
    from."""

    strategy_id: int
    user_id: int | None
    line: frozenset[int]
    symbol: str


class Gate:
    """Kill switches, halts, blocked openings and limits; all of them are off until set."""

    def check(self, intent: Intent) -> None:
        """Let the order pass; a close always does, and what only reduces unless all is halted.

        Raises:
            RiskBlocked: naming the control, its limit and the value.
            OmsError: a limit needs a price that could not be had.
        """
        if intent.closes:
            return
        found = list(Control.objects.filter(account_id=intent.account_id))
        lines = _lines({intent.api_key_id}, found)
        line = lines.get(intent.api_key_id, frozenset())
        opening = _Opening(intent.strategy_id, intent.user_id, line, intent.symbol)
        controls = [each for each in found if _is_about(each, opening)]
        if intent.reduces:
            _check_halted(controls)
            return
        pulled = _pulled(intent.account_id, {intent.user_id})
        if why := _killed(opening, intent.account_id, pulled) or _closed(controls):
            raise why
        _check_limits(intent, controls)

    def prices_needed(self, order: Valued) -> frozenset[str]:
        """The symbols by whose prices the limits that are set will judge the order."""
        controls = list(Control.objects.filter(account_id=order.account_id))
        line = _lines({order.api_key_id}, controls).get(order.api_key_id, frozenset())
        opening = _Opening(order.strategy_id, None, line, order.symbol)
        limits = [each.limits for each in controls if _is_about(each, opening)]
        return exposure.symbols_to_price(order, limits)

    def stopped(self, account_id: int, waiting: Sequence[Waiting]) -> Mapping[int, RiskBlocked]:
        """Why some of the orders may not be sent any more, by order id.

        Three queries, and a fourth where a key is controlled.
        """
        controls = list(Control.objects.filter(account_id=account_id))
        lines = _lines({each.api_key_id for each in waiting}, controls)
        openings = {
            each.order_id: _Opening(
                each.strategy_id,
                each.user_id,
                lines.get(each.api_key_id, frozenset()),
                each.symbol,
            )
            for each in waiting
        }
        pulled = _pulled(account_id, {each.user_id for each in openings.values()})
        blocked = _blocked(account_id)
        found = {
            order_id: _killed(opening, account_id, pulled)
            or blocked
            or _closed([each for each in controls if _is_about(each, opening)])
            for order_id, opening in openings.items()
        }
        return {order_id: why for order_id, why in found.items() if why is not None}

    def states(self, account_ids: Sequence[int]) -> Mapping[int, RiskState]:
        """Where each account stands. Two queries."""
        return _states(account_ids)

    def carry_on(self) -> None:
        """Go on with every flatten that is running."""
        from riskdesk.services import flattening  # It gives commands, which ask this gate.

        flattening.carry_on()


def _states(account_ids: Sequence[int]) -> dict[int, RiskState]:
    names = {hold_name(KillScope.ACCOUNT, each): each for each in account_ids}
    pulled = KillSwitch.objects.filter(holds__in=[*names, hold_name(KillScope.ALL)])
    holds = set(pulled.values_list("holds", flat=True))
    whole = Control.objects.filter(account_id__in=account_ids, scope=Scope.ACCOUNT)
    controls = {control.account_id: control for control in whole}
    found = {}
    for name, account_id in names.items():
        control = controls.get(account_id)
        found[account_id] = RiskState(
            allow_new_positions=control.allow_new_positions if control else True,
            state=control.state if control else HaltState.ACTIVE,
            killed=bool(holds & {name, hold_name(KillScope.ALL)}),
        )
    return found


def _pulled(account_id: int, user_ids: Iterable[int | None]) -> frozenset[str]:
    """The kill switches that are pulled now and can be about these orders."""
    names = {hold_name(KillScope.ALL), hold_name(KillScope.ACCOUNT, account_id)}
    names |= {hold_name(KillScope.USER, each) for each in user_ids if each is not None}
    return frozenset(KillSwitch.objects.filter(holds__in=names).values_list("holds", flat=True))


def _killed(opening: _Opening, account_id: int, pulled: frozenset[str]) -> RiskBlocked | None:
    user = hold_name(KillScope.USER, opening.user_id) if opening.user_id else ""
    for name in (hold_name(KillScope.ALL), hold_name(KillScope.ACCOUNT, account_id), user):
        if name in pulled:
            scope, _, target = name.partition(":")
            return RiskBlocked(
                "A kill switch is pulled.",
                rule="kill_switch",
                scope=scope,
                id=int(target) if target else None,
                limit="released",
                value="pulled",
            )
    return None


def _blocked(account_id: int) -> RiskBlocked | None:
    status = Account.objects.values_list("status", flat=True).get(pk=account_id)
    if status == AccountStatus.ACTIVE:
        return None
    return RiskBlocked(
        "The account is blocked.",
        rule="account_status",
        scope=Scope.ACCOUNT,
        id=account_id,
        limit=AccountStatus.ACTIVE,
        value=status,
    )


def _lines(
    api_key_ids: Iterable[int | None], controls: Iterable[Control]
) -> Mapping[int | None, frozenset[int]]:
    """Each key with those it descends from; not asked for where no control is about a key."""
    if not any(each.scope == Scope.KEY for each in controls):
        return {}
    return dict(lines_of(each for each in api_key_ids if each is not None))


def _is_about(control: Control, opening: _Opening) -> bool:
    """A control of a key holds for all that descend from it."""
    match control.scope:
        case Scope.STRATEGY:
            return control.target == str(opening.strategy_id)
        case Scope.SYMBOL:
            return control.target == opening.symbol
        case Scope.KEY:
            return int(control.target) in opening.line
        case _:
            return True


def _check_halted(controls: list[Control]) -> None:
    for control in controls:
        if control.state == HaltState.HALTED:
            raise _halt(control, "Everything is halted here; closes of positions pass.")


def _halt(control: Control, message: str) -> RiskBlocked:
    return RiskBlocked(
        message, rule="halt", **control.names(), limit=HaltState.ACTIVE, value=control.state
    )


def _closed(controls: list[Control]) -> RiskBlocked | None:
    """Why nothing may be opened where these controls are about the order."""
    for control in controls:
        if control.state != HaltState.ACTIVE:
            return _halt(control, "A halt lets nothing open here; closes pass.")
        if not control.allow_new_positions:
            return RiskBlocked(
                "New positions are not allowed here; closes pass.",
                rule="allow_new_positions",
                **control.names(),
                limit=True,
                value=False,
            )
    return None


def _check_limits(intent: Intent, controls: list[Control]) -> None:
    limited = [control for control in controls if control.limits != _OFF]
    if not limited:
        return
    snapshot = exposure.read(intent, [control.limits for control in limited])
    asked, whole = exposure.asked_of(intent), snapshot.whole()
    if closes_its_book(asked, whole):
        return
    for control in limited:
        match control.scope:
            case Scope.STRATEGY:
                counted = snapshot.of_strategy(intent.strategy_id)
            case Scope.KEY:
                family = family_of(int(control.target)).values_list("pk", flat=True)
                counted = snapshot.of_keys(frozenset(family))
            case _:
                counted = whole
        if refusal := rules.judge(asked, counted, control.limits):
            if refusal.is_unpriced and intent.unpriced is not None:
                raise intent.unpriced
            raise RiskBlocked(
                refusal.message,
                field=refusal.field,
                rule=refusal.rule,
                **control.names(),
                limit=refusal.limit,
                value=refusal.value,
            )
