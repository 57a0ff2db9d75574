"""Close a position, or part of it."""

from dataclasses import dataclass, replace
from decimal import Decimal

from accounts.models import Account
from accounts.rights.acts import Act
from accounts.rights.permissions import Caller, require
from accounts.words import Right
from oms_project.errors import Conflict, Invalid, InvalidStrategyId, OmsError
from positions.commands import ClosePosition
from positions.engine.closing import check_close, plan_full_close
from positions.engine.money import ZERO, floor_to_step
from positions.engine.types import (
    CommandStatus,
    MarketKind,
    OrderType,
    PositionMode,
    PositionState,
    Side,
)
from positions.models import Command, Position
from positions.outbox import HeldLane
from positions.ports import Intent, MarketRules, exchange, risk_gate
from positions.projector.booking.closable import tell_unclosable
from positions.projector.booking.dust import steps_of, write_off
from positions.projector.booking.holdings import tell_position
from positions.projector.hindrances.elsewhere import (
    externals_against,
    must_reduce_only,
    within_the_net,
)
from positions.projector.orders.caps import leg_before
from positions.projector.orders.placing import Decided
from positions.services import checks
from positions.services.context import Acceptance
from positions.services.pricing import Found, look_up_market
from positions.services.send_order import exchange_reduces
from positions.services.submit import submit
from positions.services.targets import check_assigned, check_comment, check_live, require_closable
from positions.volumes import doubtful_of, exchange_net, free_of, held_on_spot


@dataclass(frozen=True, slots=True)
class Closing:
    """How much will be closed how; ``asks_for_all``: everything that is free was asked for."""

    qty: Decimal
    to_dust: Decimal = ZERO
    overrides: bool = False
    asks_for_all: bool = False


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left of a position and too small to trade."""

    qty: Decimal


def look_up(command: ClosePosition, caller: Caller, account: Account) -> Found:
    """The market of the position.

    Raises:
        PositionNotFound: it does not exist for this caller.
        AdminReadOnly, PermissionDenied, StrategyPermissionDenied: the caller may not close it.
        Invalid: the account is not set up for it at its exchange.
    """
    position = require_closable(caller, account, command.position_id)
    exchange().check_params(account.pk, command.params)
    exchange().check_tradable(account.pk, position.symbol)
    return look_up_market(account, position.symbol)


def book(acceptance: Acceptance, command: ClosePosition, found: Found) -> Command:
    """Queue a reduce-only order for what is free, or write off what is too small to trade.

    Raises:
        OmsError, EngineError: it was refused; nothing is stored.
    """
    position = Position.objects.get(pk=command.position_id)
    decided = decide(acceptance, command, position, found)
    if isinstance(decided, Rest):
        return _write_off(acceptance, position, decided.qty, found.rules)
    request_close(acceptance.lane, position)
    return submit(acceptance, decided)


def decide(
    acceptance: Acceptance, command: ClosePosition, position: Position, found: Found
) -> Decided | Rest:
    """The order that closes what is free, or the rest that is too small to trade; stores nothing.

    Raises:
        OmsError, EngineError: it is refused.
    """
    account = acceptance.account
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
    checks.check_client_order_id(acceptance.caller, account, command.client_order_id)
    closing = _closing(acceptance, command, position, found.rules)
    closing = _within_the_net(command, position, found.rules, closing)
    if closing.to_dust:
        return Rest(closing.to_dust)
    flagged = exchange_reduces(account, found.rules, side, closing.qty, position)
    checks.check_honest(
        found.rules, order_type=command.order_type, side=side, told_reduce_only=flagged
    )
    _check_closable(position, found, flagged=flagged)
    checks.check_amounts(
        found.rules,
        qty=closing.qty,
        price=command.price,
        order_type=command.order_type,
        last_price=found.last_price,
        told_reduce_only=flagged,
    )
    if not closing.overrides:
        checks.check_held(account, found.rules, side=side, qty=closing.qty, protecting=position)
    _ask_risk(acceptance, command, position, found, closing.qty)
    return _decided(acceptance, command, position, found.rules, closing, flagged=flagged)


def request_close(lane: HeldLane, position: Position) -> None:
    """A close of the position is on its way; everybody is told."""
    position.state = PositionState.CLOSE_REQUESTED
    position.updated_at = lane.now
    position.save(update_fields=["state", "updated_at"])
    tell_position(lane, "position_updated", position)


def _ask_risk(
    acceptance: Acceptance,
    command: ClosePosition,
    position: Position,
    found: Found,
    qty: Decimal,
) -> None:
    risk_gate().check(
        Intent(
            account_id=acceptance.account.pk,
            strategy_id=position.strategy_id,
            user_id=acceptance.caller.user_id,
            api_key_id=acceptance.caller.api_key_id,
            market=found.rules.engine_market,
            side=Side(position.side).opposite,
            qty=qty,
            limit_price=command.price,
            price=command.price or found.last_price,
            last_price=found.last_price,
            prices=found.prices,
            unpriced=found.unpriced,
            reduces=True,
            closes=True,
            position_mode=PositionMode(acceptance.account.position_mode),
        )
    )


def _decided(
    acceptance: Acceptance,
    command: ClosePosition,
    position: Position,
    rules: MarketRules,
    closing: Closing,
    *,
    flagged: bool,
) -> Decided:
    return Decided(
        symbol=position.symbol,
        side=Side(position.side).opposite,
        order_type=command.order_type,
        qty=closing.qty,
        price=command.price,
        trigger_price=None,
        time_in_force=command.time_in_force,
        expires_at=command.expires_at,
        expiry=checks.keeper_of_expiry(
            rules,
            order_type=command.order_type,
            time_in_force=command.time_in_force,
            expires_at=command.expires_at,
            now=acceptance.lane.now,
        ),
        strategy_id=position.strategy_id,
        reason=acceptance.reason(command.reason),
        comment=command.comment,
        client_order_id=command.client_order_id,
        position=position,
        closes_position=True,
        asks_for_all=closing.asks_for_all,
        reduce_only=True,
        exchange_reduce_only=flagged,
        after=leg_before(position, rules),
        params=command.params,
    )


def refused(account: Account, command: ClosePosition, refusal: OmsError) -> None:
    """Tell at once of a position of which the exchange would take no close."""
    if isinstance(refusal, checks.BelowMinimumValue):
        tell_unclosable(account.pk, command.position_id)


def _check_closable(position: Position, found: Found, *, flagged: bool) -> None:
    """What the exchange has called too small is not sent again on the chance."""
    if position.unclosable and not flagged and found.last_price is None:
        raise checks.BelowMinimumValue(
            "It was worth less than the market's minimum, and no price says that it is more now.",
            field="position_id",
            limit=found.rules.min_cost,
            value=None,
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
    if command.qty is not None and command.qty != position.qty:
        check_close(command.qty, volume=position.qty, free=free + doubtful)
        return Closing(command.qty, overrides=command.qty > free)
    held = None
    if _sells_spot(position, rules):
        held = held_on_spot(acceptance.account.pk, rules.base, protecting=position) + doubtful
    steps = steps_of(rules, command.order_type)
    plan = plan_full_close(free + doubtful, volume=position.qty, steps=steps, held=held)
    return Closing(plan.send, plan.to_dust, overrides=plan.send > free, asks_for_all=True)


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
        require(caller, Act.CLOSE_AGAIN, account.pk, position.strategy_id)
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


def _within_the_net(
    command: ClosePosition, position: Position, rules: MarketRules, closing: Closing
) -> Closing:
    """What external positions leave of the exchange's net, on a netting account.

    Raises:
        Conflict: they leave nothing, or less than was asked for.
    """
    if not must_reduce_only(position, rules):
        return closing
    promised = position.qty - free_of(position)
    allowed = within_the_net(position, rules, closing.qty, promised=promised)
    if allowed >= closing.qty:
        return closing
    allowed = floor_to_step(allowed, rules.amount_step)
    if command.qty is None and allowed > ZERO:
        return replace(closing, qty=allowed)
    raise Conflict(
        "External positions leave less at the exchange than this closes: reassign them first.",
        field="qty",
        limit=allowed,
        value=closing.qty,
        exchange_net=exchange_net(position.account_id, position.symbol),
        external_position_ids=[each.pk for each in externals_against(position)],
    )


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
