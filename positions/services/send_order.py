"""Open, increase, reduce or close by an order at the exchange."""

from dataclasses import dataclass
from decimal import Decimal

from accounts.models import Account
from accounts.permissions import Caller, require_trade, tradable_strategies
from oms_project.errors import Invalid, InvalidPositionId
from positions.commands import SendOrder
from positions.engine.closing import check_reduce_only, exchange_may_reduce_only
from positions.engine.money import ZERO
from positions.engine.routing import Intent as Asks
from positions.engine.routing import OrderFacts, current_position, intent_of
from positions.engine.stops import check_stops
from positions.engine.types import MarketKind, PositionMode, Side
from positions.models import Command, Order, Position
from positions.ports import Intent, MarketRules, exchange, risk_gate
from positions.projector.fills import candidate_of
from positions.projector.placing import Decided
from positions.services import checks
from positions.services.context import Acceptance
from positions.services.submit import submit
from positions.services.targets import check_assigned
from positions.volumes import exchange_net, free_of


@dataclass(frozen=True, slots=True)
class Found:
    """What had to be looked up outside the transaction."""

    rules: MarketRules
    last_price: Decimal | None


def look_up(command: SendOrder, caller: Caller, account: Account) -> Found:
    """The market's rules and newest price.

    Raises:
        AdminReadOnly, PermissionDenied, StrategyPermissionDenied: the caller may not trade this.
        Invalid: there is no such symbol, or the account is not set up for it at its exchange.
    """
    require_trade(caller, account.pk, command.strategy_id)
    exchange().check_params(command.params)
    exchange().check_tradable(account.pk, command.symbol)
    return look_up_market(account, command.symbol)


def look_up_market(account: Account, symbol: str) -> Found:
    """The rules and the newest price of one market."""
    port = exchange()
    return Found(port.market(account.pk, symbol), port.last_price(account.pk, symbol))


def book(acceptance: Acceptance, command: SendOrder, found: Found) -> Command:
    """Check the order against market, books and risk desk, and queue it.

    Raises:
        OmsError, EngineError: it was refused; nothing is stored.
    """
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
    checks.check_expiry(command.expires_at, now=acceptance.lane.now)
    checks.check_client_order_id(account, command.client_order_id)
    mode = PositionMode(account.position_mode)
    target = _target(acceptance, command, mode)
    closes = target is not None and target.side != command.side
    reduces = command.reduce_only or (mode is PositionMode.HEDGE and closes)
    if not reduces:
        checks.check_account_active(account)
    _check_reduction(command, target, reduces=reduces)
    protected = _protected_by_a_stop(account, command, target, found.rules)
    check_stops_of(command, found, closes=reduces)
    checks.check_amounts(
        found.rules,
        qty=command.qty,
        price=command.price,
        trigger_price=command.trigger_price,
        order_type=command.order_type,
        last_price=found.last_price,
        reduces=reduces,
    )
    checks.check_held(
        account, found.rules, side=command.side, qty=command.qty, protecting=protected
    )
    risk_gate().check(
        Intent(
            account_id=account.pk,
            strategy_id=command.strategy_id,
            user_id=acceptance.caller.user_id,
            api_key_id=acceptance.caller.api_key_id,
            market=found.rules.engine_market,
            side=command.side,
            qty=command.qty,
            limit_price=command.price,
            price=command.price or command.trigger_price or found.last_price,
            last_price=found.last_price,
            reduces=reduces,
            closes=closes and mode is PositionMode.HEDGE,
            position_mode=mode,
        )
    )
    return submit(
        acceptance,
        Decided(
            symbol=command.symbol,
            side=command.side,
            order_type=command.order_type,
            qty=command.qty,
            price=command.price,
            trigger_price=command.trigger_price,
            trailing=trailing,
            time_in_force=command.time_in_force,
            expires_at=command.expires_at,
            strategy_id=command.strategy_id,
            reason=command.reason or acceptance.default_reason(),
            comment=command.comment,
            client_order_id=command.client_order_id,
            stop_loss=command.stop_loss,
            stop_gain=command.stop_gain,
            position=target or protected,
            closes_position=closes,
            reduce_only=command.reduce_only,
            exchange_reduce_only=command.reduce_only
            and exchange_reduces(account, found.rules, command.side, command.qty),
            after=leg_before(protected),
            params=command.params,
        ),
    )


def check_stops_of(command: SendOrder, found: Found, *, closes: bool) -> None:
    """The stops that an order brings keep the market's step and lie where they cannot fire at once.

    They are measured from its own price, where it has one.

    Raises:
        Invalid, ValidationError: naming the field.
    """
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
        mark=command.price or command.trigger_price or found.last_price,
    )


def leg_before(protected: Position | None) -> Order | None:
    """The stop at the exchange that has to end before a sell of the position can be sent."""
    if protected is None:
        return None
    return Order.objects.open().legs().filter(position=protected).order_by("-id").first()


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


def exchange_reduces(account: Account, rules: MarketRules, side: Side, qty: Decimal) -> bool:
    """Whether the exchange can be told reduce-only: derivatives whose net there allows it."""
    if rules.kind is MarketKind.SPOT:
        return False
    net = exchange_net(account.pk, rules.symbol)
    return exchange_may_reduce_only(side, qty, exchange_net=net, market=rules.engine_market)


def _target(acceptance: Acceptance, command: SendOrder, mode: PositionMode) -> Position | None:
    """The position that the order names, or that a reduce-only order of a netting account means.

    Raises:
        InvalidPositionId, ValidationError: it cannot be named so, or is not the key's to touch.
    """
    account = acceptance.account
    live = Position.objects.open().filter(account=account, symbol=command.symbol)
    by_id = {row.pk: row for row in live}
    named, own = by_id.get(command.position_id), tradable_strategies(acceptance.caller, account.pk)
    if named is not None and own is not None and named.strategy_id not in own:
        raise InvalidPositionId(position_id=command.position_id)
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


def _check_reduction(command: SendOrder, target: Position | None, *, reduces: bool) -> None:
    """A close in hedge, and any reduce-only order, can do nothing but reduce its position."""
    if reduces:
        check_reduce_only(
            command.side,
            command.qty,
            position=None if target is None else target.holding,
            free=ZERO if target is None else free_of(target),
        )
