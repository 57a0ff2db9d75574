"""Open, increase, reduce or close by an order at the exchange."""

from dataclasses import dataclass
from decimal import Decimal

from accounts.models import Account
from accounts.rights.permissions import Caller, require_trade, tradable_strategies
from oms_project.errors import Invalid
from positions.commands import SendOrder
from positions.engine.closing import check_reduce_only, exchange_may_reduce_only, half_of
from positions.engine.errors import CloseInProgress
from positions.engine.money import ZERO
from positions.engine.routing import Intent as Asks
from positions.engine.routing import OrderFacts, current_position, intent_of
from positions.engine.stops import check_stops
from positions.engine.types import GroupRole, MarketKind, PositionMode, Side, TriggerBy
from positions.models import Command, Position
from positions.ports import Intent, MarketRules, Valued, exchange, risk_gate
from positions.projector.booking.fills import candidate_of
from positions.projector.orders.caps import leg_before
from positions.projector.orders.placing import Decided
from positions.services import checks
from positions.services.among_others import require_symbol_to_itself
from positions.services.context import Acceptance
from positions.services.pricing import Found, look_up_market
from positions.services.submit import submit
from positions.services.targets import check_assigned
from positions.volumes import free_of, reducible_net


def look_up(command: SendOrder, caller: Caller, account: Account) -> Found:
    """The market's rules, and the prices that the order is judged by.

    Raises:
        AdminReadOnly, PermissionDenied, StrategyPermissionDenied: the caller may not trade this.
        Invalid: there is no such symbol, or the account is not set up for it at its exchange.
    """
    require_trade(caller, account.pk, command.strategy_id)
    exchange().check_params(account.pk, command.params)
    exchange().check_tradable(account.pk, command.symbol)
    return look_up_market(account, command.symbol, needs=_prices_needed(command, caller, account))


def _prices_needed(command: SendOrder, caller: Caller, account: Account) -> frozenset[str]:
    """Of which symbols a price decides: on which side stops lie, and what limits measure by."""
    needed = frozenset[str]()
    if not command.reduce_only:
        needed = risk_gate().prices_needed(
            Valued(
                account_id=account.pk,
                strategy_id=command.strategy_id,
                api_key_id=caller.api_key_id,
                symbol=command.symbol,
                side=command.side,
                limit_price=command.price,
                trigger_price=command.trigger_price,
            )
        )
    brings_stops = not (command.stop_loss is command.stop_gain is None)
    return needed | {command.symbol} if brings_stops else needed


def book(acceptance: Acceptance, command: SendOrder, found: Found) -> Command:
    """Check the order against market, books and risk desk, and queue it.

    Raises:
        OmsError, EngineError: it was refused; nothing is stored.
    """
    trigger = _check_form(acceptance, command, found)
    standing = _standing(acceptance, command, found.rules)
    _check_standing(acceptance, command, found, standing)
    risk_gate().check(_intent(acceptance, command, found, standing))
    return submit(acceptance, _decided(acceptance, command, found, standing, trigger))


@dataclass(frozen=True, slots=True)
class _Trigger:
    """How far it stays behind, if it trails, and for which price it waits."""

    trailing: dict[str, str] | None
    by: TriggerBy | None


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where an order stands in the books before it is sent.

    ``target``: the position it names or means; ``protected``: the one whose stop would hold what a
    spot sell sells; ``capped``: the exchange is told reduce-only.
    """

    target: Position | None
    protected: Position | None
    closes: bool
    reduces: bool
    capped: bool


def _check_form(acceptance: Acceptance, command: SendOrder, found: Found) -> _Trigger:
    """What can be said of the order without looking into the books; its trigger, if it has one."""
    account = acceptance.account
    checks.check_strategy(account, command.strategy_id)
    checks.check_kind(
        found.rules,
        order_type=command.order_type,
        time_in_force=command.time_in_force,
        price=command.price,
        trigger_price=command.trigger_price,
    )
    trailing = checks.check_trailing(
        found.rules,
        order_type=command.order_type,
        amount=command.trailing_amount,
        percent=command.trailing_percent,
    )
    trigger_by = checks.check_trigger_by(
        found.rules,
        order_type=command.order_type,
        asked=command.trigger_by,
        said=exchange().trigger_by(account.pk, command.params),
    )
    checks.check_expiry(command.expires_at, now=acceptance.lane.now)
    checks.check_client_order_id(acceptance.caller, account, command.client_order_id)
    return _Trigger(trailing, trigger_by)


def _standing(acceptance: Acceptance, command: SendOrder, rules: MarketRules) -> _Standing:
    account = acceptance.account
    mode = PositionMode(account.position_mode)
    target = _target(acceptance, command, mode)
    closes = target is not None and target.side != command.side
    return _Standing(
        target=target,
        protected=_protected_by_a_stop(account, command, target, rules),
        closes=closes,
        reduces=command.reduce_only or (mode is PositionMode.HEDGE and closes),
        capped=command.reduce_only
        and exchange_reduces(account, rules, command.side, command.qty, target),
    )


def _check_standing(
    acceptance: Acceptance, command: SendOrder, found: Found, standing: _Standing
) -> None:
    """It may be sent for what it does there, and the market takes it."""
    account, capped = acceptance.account, standing.capped
    if not standing.reduces:
        require_symbol_to_itself(acceptance.caller, account, command.symbol)
        checks.check_account_active(account)
    else:
        half = half_of(command.order_type, capped=capped)
        _check_reduction(command, standing.target, half=half)
    checks.check_honest(
        found.rules, order_type=command.order_type, side=command.side, told_reduce_only=capped
    )
    check_stops_of(command, found, closes=standing.reduces)
    checks.check_amounts(
        found.rules,
        qty=command.qty,
        price=command.price,
        trigger_price=command.trigger_price,
        order_type=command.order_type,
        last_price=found.last_price,
        told_reduce_only=capped,
    )
    checks.check_held(
        account,
        found.rules,
        side=command.side,
        qty=command.qty,
        protecting=standing.protected,
    )


def _intent(
    acceptance: Acceptance, command: SendOrder, found: Found, standing: _Standing
) -> Intent:
    """The order as the risk desk is asked about it."""
    mode = PositionMode(acceptance.account.position_mode)
    return Intent(
        account_id=acceptance.account.pk,
        strategy_id=command.strategy_id,
        user_id=acceptance.caller.user_id,
        api_key_id=acceptance.caller.api_key_id,
        market=found.rules.engine_market,
        side=command.side,
        qty=command.qty,
        limit_price=command.price,
        price=command.price or command.trigger_price or found.last_price,
        last_price=found.last_price,
        prices=found.prices,
        unpriced=found.unpriced,
        reduces=standing.reduces,
        closes=standing.closes and mode is PositionMode.HEDGE,
        position_mode=mode,
    )


def _decided(
    acceptance: Acceptance,
    command: SendOrder,
    found: Found,
    standing: _Standing,
    trigger: _Trigger,
) -> Decided:
    """The order as it will be stored and sent."""
    closed = standing.target if standing.closes else standing.protected
    return Decided(
        symbol=command.symbol,
        side=command.side,
        order_type=command.order_type,
        qty=command.qty,
        price=command.price,
        trigger_price=command.trigger_price,
        trailing=trigger.trailing,
        trigger_by=trigger.by,
        time_in_force=command.time_in_force,
        expires_at=command.expires_at,
        expiry=checks.keeper_of_expiry(
            found.rules,
            order_type=command.order_type,
            time_in_force=command.time_in_force,
            expires_at=command.expires_at,
            now=acceptance.lane.now,
        ),
        strategy_id=command.strategy_id,
        reason=acceptance.reason(command.reason),
        comment=command.comment,
        client_order_id=command.client_order_id,
        stop_loss=command.stop_loss,
        stop_gain=command.stop_gain,
        position=standing.target or standing.protected,
        closes_position=standing.closes,
        reduce_only=command.reduce_only,
        exchange_reduce_only=standing.capped,
        after=None if closed is None else leg_before(closed, found.rules),
        params=command.params,
    )


def check_stops_of(command: SendOrder, found: Found, *, closes: bool) -> None:
    """The stops that an order brings keep the market's step and lie where they cannot fire at once.

    They are measured from what it would open at.

    Raises:
        Invalid, ValidationError: naming the field.
        ExchangeError, ExchangeTimeout, EngineUnavailable: no price could be had to measure from.
    """
    if command.stop_loss is command.stop_gain is None:
        return
    for field in ("stop_loss", "stop_gain"):
        price = getattr(command, field)
        if price is None:
            continue
        if closes:
            raise Invalid("A close brings no stops.", field=field, limit=None, value=price)
        checks.check_price(field, price, found.rules)
    check_stops(
        command.side,
        stop_loss=command.stop_loss,
        stop_gain=command.stop_gain,
        mark=found.entry_price(command.side, command.price, command.trigger_price),
    )


def _protected_by_a_stop(
    account: Account, command: SendOrder, target: Position | None, rules: MarketRules
) -> Position | None:
    """The position that a spot sell reduces, whose stop would hold what is sold."""
    if rules.kind is not MarketKind.SPOT or command.side is not Side.SELL:
        return None
    if target is not None or account.position_mode == PositionMode.HEDGE:
        return target
    live = Position.objects.open().filter(account=account, symbol=command.symbol)
    by_id = {row.pk: row for row in live}
    current = current_position(
        [candidate_of(row) for row in by_id.values()],
        mode=PositionMode(account.position_mode),
        strategy_id=command.strategy_id,
    )
    return by_id[current.position_id] if current and current.side is Side.BUY else None


def exchange_reduces(
    account: Account, rules: MarketRules, side: Side, qty: Decimal, position: Position | None
) -> bool:
    """Whether the exchange is told reduce-only: on derivatives, where its net there allows it.

    On a netting account always: nobody else's volume makes the net smaller there.
    """
    if rules.kind is MarketKind.SPOT:
        return False
    if account.position_mode == PositionMode.NETTING:
        return True
    net = reducible_net(account.pk, rules.symbol, side, position)
    return exchange_may_reduce_only(side, qty, exchange_net=net, market=rules.engine_market)


def _target(acceptance: Acceptance, command: SendOrder, mode: PositionMode) -> Position | None:
    """The position that the order names, or that a reduce-only order of a netting account means.

    Raises:
        InvalidPositionId, ValidationError: it cannot be named so, or is not the key's to touch.
    """
    account = acceptance.account
    live = Position.objects.open().filter(account=account, symbol=command.symbol)
    own = tradable_strategies(acceptance.caller, account.pk)
    by_id = {row.pk: row for row in live if own is None or row.strategy_id in own}
    named = by_id.get(command.position_id)
    if named is not None and mode is PositionMode.HEDGE:
        check_assigned(named)
    candidates = [candidate_of(row) for row in by_id.values()]
    facts = OrderFacts(
        order_id=0,
        side=command.side,
        strategy_id=command.strategy_id,
        position_id=command.position_id or None,
    )
    asks = intent_of(facts, candidates, mode=mode)
    if command.position_id:
        return by_id[command.position_id]
    if command.reduce_only and asks is Asks.NET:
        current = current_position(candidates, mode=mode, strategy_id=command.strategy_id)
        return by_id[current.position_id] if current else None
    return None


def _check_reduction(
    command: SendOrder, target: Position | None, *, half: GroupRole | None
) -> None:
    """A close in hedge, and any reduce-only order, can do nothing but reduce its position.

    Raises:
        ValidationError, CloseInProgress: it could do more; facts name the limit.
    """
    holding = None if target is None else target.holding
    free = ZERO if target is None else free_of(target, asking=half)
    try:
        check_reduce_only(command.side, command.qty, position=holding, free=free)
    except CloseInProgress as refusal:
        if command.order_type.is_conditional:
            refusal.facts["instead"] = ["stop_loss", "stop_gain"]  # The position's own.
        raise
