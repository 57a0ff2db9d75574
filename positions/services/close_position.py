"""Close a position, or part of it."""

from dataclasses import dataclass
from decimal import Decimal

from accounts.models import Account
from accounts.permissions import Caller, require_risk_manage
from accounts.words import Right
from oms_project.errors import Invalid, InvalidStrategyId
from positions.commands import ClosePosition
from positions.engine.closing import check_close, plan_full_close
from positions.engine.money import ZERO
from positions.engine.types import (
    CommandStatus,
    MarketKind,
    OrderType,
    PositionMode,
    PositionState,
    Side,
)
from positions.models import Command, Position
from positions.ports import Intent, MarketRules, exchange, risk_gate
from positions.projector.dust import steps_of, write_off
from positions.projector.holdings import tell_position
from positions.projector.placing import Decided
from positions.services import checks
from positions.services.context import Acceptance
from positions.services.send_order import (
    Found,
    exchange_reduces,
    leg_before,
    look_up_market,
)
from positions.services.submit import submit
from positions.services.targets import check_assigned, check_comment, check_live, require_closable
from positions.volumes import doubtful_of, exchange_net, free_of, held_on_spot


@dataclass(frozen=True, slots=True)
class Closing:
    """How much will be closed how."""

    qty: Decimal
    to_dust: Decimal = ZERO
    overrides: bool = False


def look_up(command: ClosePosition, caller: Caller, account: Account) -> Found:
    """The market of the position.

    Raises:
        PositionNotFound: it does not exist for this caller.
        AdminReadOnly, PermissionDenied, StrategyPermissionDenied: the caller may not close it.
        Invalid: the account is not set up for it at its exchange.
    """
    position = require_closable(caller, account, command.position_id)
    exchange().check_params(command.params)
    exchange().check_tradable(account.pk, position.symbol)
    return look_up_market(account, position.symbol)


def book(acceptance: Acceptance, command: ClosePosition, found: Found) -> Command:
    """Queue a reduce-only order for what is free, or write off what is too small to trade.

    Raises:
        OmsError, EngineError: it was refused; nothing is stored.
    """
    account = acceptance.account
    position = Position.objects.get(pk=command.position_id)
    check_comment(acceptance.caller, command.comment)
    _check_target(command, position)
    side = Side(position.side).opposite
    checks.check_kind(
        found.rules,
        order_type=command.order_type,
        time_in_force=command.time_in_force,
        price=command.price,
        trigger_price=None,
    )
    checks.check_expiry(command.expires_at, now=acceptance.lane.now)
    checks.check_client_order_id(account, command.client_order_id)
    closing = _closing(acceptance, command, position, found.rules)
    if closing.to_dust:
        return _write_off(acceptance, position, closing.to_dust, found.rules)
    checks.check_amounts(
        found.rules,
        qty=closing.qty,
        price=command.price,
        order_type=command.order_type,
        last_price=found.last_price,
        reduces=True,
    )
    sells_spot = _sells_spot(position, found.rules)
    if not closing.overrides:
        checks.check_held(account, found.rules, side=side, qty=closing.qty, protecting=position)
    risk_gate().check(
        Intent(
            account_id=account.pk,
            strategy_id=position.strategy_id,
            user_id=acceptance.caller.user_id,
            api_key_id=acceptance.caller.api_key_id,
            market=found.rules.engine_market,
            side=side,
            qty=closing.qty,
            limit_price=command.price,
            price=command.price or found.last_price,
            last_price=found.last_price,
            reduces=True,
            closes=True,
            position_mode=PositionMode(account.position_mode),
        )
    )
    position.state = PositionState.CLOSE_REQUESTED
    position.updated_at = acceptance.lane.now
    position.save(update_fields=["state", "updated_at"])
    tell_position(acceptance.lane, "position_updated", position)
    return submit(
        acceptance,
        Decided(
            symbol=position.symbol,
            side=side,
            order_type=command.order_type,
            qty=closing.qty,
            price=command.price,
            trigger_price=None,
            time_in_force=command.time_in_force,
            expires_at=command.expires_at,
            strategy_id=position.strategy_id,
            reason=command.reason or acceptance.default_reason(),
            comment=command.comment,
            client_order_id=command.client_order_id,
            position=position,
            closes_position=True,
            asks_for_all=command.qty is None,
            reduce_only=True,
            exchange_reduce_only=exchange_reduces(account, found.rules, side, closing.qty),
            after=leg_before(position) if sells_spot else None,
            params=command.params,
        ),
    )


def _check_target(command: ClosePosition, position: Position) -> None:
    check_live(position)
    check_assigned(position)
    if command.strategy_id is not None and command.strategy_id != position.strategy_id:
        raise InvalidStrategyId(
            "The position belongs to another strategy.",
            field="strategy_id",
            limit=position.strategy_id,
            value=command.strategy_id,
        )
    if command.order_type not in (OrderType.MARKET, OrderType.LIMIT):
        raise Invalid(
            "A close is a market or a limit order.",
            field="order_type",
            limit=[OrderType.MARKET, OrderType.LIMIT],
            value=command.order_type,
        )


def _closing(
    acceptance: Acceptance, command: ClosePosition, position: Position, rules: MarketRules
) -> Closing:
    free = free_of(position)
    doubtful = _reclaimed(acceptance, command, position, rules)
    if command.qty is not None:
        check_close(command.qty, volume=position.qty, free=free + doubtful)
        return Closing(command.qty, overrides=command.qty > free)
    held = None
    if _sells_spot(position, rules):
        held = held_on_spot(acceptance.account.pk, rules.base, protecting=position) + doubtful
    steps = steps_of(rules, command.order_type)
    plan = plan_full_close(free + doubtful, steps=steps, held=held)
    return Closing(plan.send, plan.to_dust, overrides=plan.send > free)


def _reclaimed(
    acceptance: Acceptance, command: ClosePosition, position: Position, rules: MarketRules
) -> Decimal:
    """The volume of closes in doubt that a person may close again (contract section 5).

    With ``can_risk_manage``: where reduce-only at the exchange caps it, because its net is this
    position's volume; elsewhere only by ``override_unknown`` with a comment.

    Raises:
        PermissionDenied, StrategyPermissionDenied: ``override_unknown`` without the right.
        Invalid: ``override_unknown`` without a comment.
    """
    caller, account = acceptance.caller, acceptance.account
    if command.override_unknown:
        require_risk_manage(caller, account.pk, position.strategy_id)
        if not command.comment.strip():
            raise Invalid(
                "Say why a close in doubt is given again.", field="comment", limit="required"
            )
    elif not caller.may(account.pk, Right.RISK_MANAGE):
        return ZERO
    doubtful = doubtful_of(position)
    if not doubtful or command.override_unknown:
        return doubtful
    signed = Side(position.side).sign * position.qty
    is_capped = rules.kind is not MarketKind.SPOT and signed == exchange_net(
        account.pk, position.symbol
    )
    return doubtful if is_capped else ZERO


def _sells_spot(position: Position, rules: MarketRules) -> bool:
    return rules.kind is MarketKind.SPOT and position.side == Side.BUY


def _write_off(
    acceptance: Acceptance, position: Position, qty: Decimal, rules: MarketRules
) -> Command:
    command = acceptance.store(status=CommandStatus.COMPLETED)
    write_off(acceptance.lane, position, qty, rules.engine_market)
    command.position_ids = [position.pk]
    command.save(update_fields=["position_ids"])
    return command
