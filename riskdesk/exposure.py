"""What counts against an account's limits now? Read under its lane, each table at most once."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from positions.engine.market import Market
from positions.engine.money import ZERO
from positions.engine.types import DealKind, GroupRole, PositionMode, Side
from positions.models import (
    Deal,
    Instruction,
    InstructionState,
    MarketTerms,
    Order,
    Position,
)
from positions.ports import Intent, Valued, exchange
from positions.projector.orders.replacing import REPLACE
from riskdesk.measures import Asked, Exposure, Held, Priced, Recent, Working, notional
from riskdesk.rules import Limits

_PROTECTION = (GroupRole.STOP_LOSS, GroupRole.TAKE_PROFIT)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose order or position it is, so that an account's exposure can be cut to one of them."""

    strategy_id: int
    api_key_id: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An account's exposure with the owner of every part."""

    mode: PositionMode
    held: tuple[tuple[Owner, Held], ...]
    working: tuple[tuple[Owner, Working], ...]
    recent: tuple[tuple[Owner, Recent], ...]
    traded: tuple[tuple[Owner, Decimal, Decimal], ...]
    priced: dict[str, Priced]

    def whole(self) -> Exposure:
        """All of it."""
        return self._cut(lambda owner: True)

    def of_strategy(self, strategy_id: int) -> Exposure:
        """What belongs to one strategy."""
        return self._cut(lambda owner: owner.strategy_id == strategy_id)

    def of_keys(self, api_key_ids: frozenset[int]) -> Exposure:
        """The orders that these keys gave; positions belong to no key."""
        cut = self._cut(lambda owner: owner.api_key_id in api_key_ids)
        return replace(cut, held=(), profit_today=ZERO, turnover_today=ZERO)

    def _cut(self, keeps: Any) -> Exposure:
        traded = [(profit, value) for owner, profit, value in self.traded if keeps(owner)]
        return Exposure(
            mode=self.mode,
            held=tuple(each for owner, each in self.held if keeps(owner)),
            working=tuple(each for owner, each in self.working if keeps(owner)),
            priced=self.priced,
            profit_today=sum((profit for profit, _ in traded), ZERO),
            turnover_today=sum((value for _, value in traded), ZERO),
            recent=tuple(each for owner, each in self.recent if keeps(owner)),
        )


def asked_of(intent: Intent) -> Asked:
    """The port's intent as the rules read it."""
    return Asked(
        market=intent.market,
        side=intent.side,
        qty=intent.qty,
        limit_price=intent.limit_price,
        price=intent.price,
        last_price=intent.last_price,
        book=_book(intent.position_mode, intent.strategy_id, 0),
        reduces=intent.reduces,
        is_change=intent.order_id is not None,
    )


def read(intent: Intent, limits: Iterable[Limits]) -> Snapshot:
    """The account's exposure, as far as these limits ask for it.

    Open positions, orders and their changes: three queries; market terms, today's deals and recent
    orders: one each, where a limit needs them. The market of the order is remembered for the next.
    """
    limits = list(limits)
    now = timezone.now()
    held = _held(intent)
    working = _working(intent)
    values = _any_set(
        limits, "max_net_notional", "max_gross_notional", "max_daily_turnover", "max_daily_loss"
    )
    symbols = {each.symbol for _, each in [*held, *working]}
    markets = _markets(intent) if values else {}
    return Snapshot(
        mode=intent.position_mode,
        held=tuple(held),
        working=tuple(working),
        recent=tuple(_recent(intent, limits, now)),
        traded=tuple(_traded(intent, limits, markets, now)),
        priced={each: _priced(intent, markets, each) for each in symbols if each in markets},
    )


def symbols_to_price(order: Valued, limits: Iterable[Limits]) -> frozenset[str]:
    """By which symbols' prices these limits will judge the order: two queries where totals do.

    A price of its own is enough for an order's value, but not a sell's limit: it may trade above.
    """
    limits = list(limits)
    needed = set[str]()
    if order.side is Side.SELL and order.limit_price is not None:
        is_sure = False
    else:
        is_sure = (order.limit_price or order.trigger_price) is not None
    if _any_set(limits, "max_order_notional") and not is_sure:
        needed.add(order.symbol)
    if _any_set(limits, "price_collar_percent") and order.limit_price is not None:
        needed.add(order.symbol)
    if _any_set(limits, "max_net_notional", "max_gross_notional", "max_daily_turnover"):
        mine = {"account_id": order.account_id}
        for rows in (Position.objects.open().filter(**mine), Order.objects.open().filter(**mine)):
            needed |= set(rows.order_by().values_list("symbol", flat=True).distinct())
        needed.add(order.symbol)
    return frozenset(needed)


def _any_set(limits: list[Limits], *names: str) -> bool:
    return any(getattr(each, name) is not None for each in limits for name in names)


def _held(intent: Intent) -> list[tuple[Owner, Held]]:
    rows = Position.objects.open().filter(account_id=intent.account_id)
    return [
        (
            Owner(row.strategy_id),
            Held(
                row.symbol,
                _book(intent.position_mode, row.strategy_id, row.pk),
                Side(row.side),
                row.qty,
            ),
        )
        for row in rows.only("symbol", "strategy_id", "side", "qty")
    ]


def _working(intent: Intent) -> list[tuple[Owner, Working]]:
    rows = Order.objects.open().filter(account_id=intent.account_id)
    columns = ("symbol", "strategy_id", "side", "qty", "filled_qty", "price", "trigger_price")
    columns += ("pk", "reduce_only", "closes_position", "position_id", "command__api_key_id")
    wanted = _wanted(intent.account_id)
    found = rows.exclude(group_role__in=_PROTECTION).exclude(pk=intent.order_id)
    hedge = intent.position_mode is PositionMode.HEDGE
    return [
        (
            Owner(row["strategy_id"], row["command__api_key_id"]),
            Working(
                symbol=row["symbol"],
                book=_book(intent.position_mode, row["strategy_id"], row["position_id"] or 0),
                side=Side(row["side"]),
                qty=max(row["qty"], wanted.get(row["pk"], ZERO)) - row["filled_qty"],
                price=row["price"] or row["trigger_price"],
                reduces=row["reduce_only"] or (hedge and row["closes_position"]),
            ),
        )
        for row in found.values(*columns)
    ]


def _wanted(account_id: int) -> dict[int, Decimal]:
    """The new total quantity of orders that are being changed: it was let pass already."""
    changing = Instruction.objects.filter(account_id=account_id, payload__has_key=REPLACE)
    unsettled = changing.exclude(state=InstructionState.SETTLED)
    rows = unsettled.values_list("order_id", "payload")
    return {order_id: Decimal(payload[REPLACE]["qty"]) for order_id, payload in rows}


def _book(mode: PositionMode, strategy_id: int, position_id: int) -> int:
    """Which fills offset each other: all, a strategy's, or a position's own."""
    match mode:
        case PositionMode.NETTING:
            return 0
        case PositionMode.STRATEGY_NETTING:
            return strategy_id
        case PositionMode.HEDGE:
            return position_id


def _markets(intent: Intent) -> dict[str, Market]:
    """The market of every symbol that the account has booked or been asked about."""
    rows = MarketTerms.objects.filter(account_id=intent.account_id).order_by("id")
    markets = {row.symbol: row.engine_market for row in rows}
    if markets.get(intent.symbol) != intent.market:
        MarketTerms.objects.current(intent.account_id, intent.market)
        markets[intent.symbol] = intent.market
    return markets


def _priced(intent: Intent, markets: dict[str, Market], symbol: str) -> Priced:
    price = intent.prices.get(symbol) or exchange().last_price(intent.account_id, symbol)
    return Priced(markets[symbol], price)


def _recent(intent: Intent, limits: list[Limits], now: datetime) -> list[tuple[Owner, Recent]]:
    """The orders that a limit in seconds looks back at; those nobody here gave do not count."""
    reach_s = max(max(each.repeat_within_s or 0, each.orders_interval_s or 0) for each in limits)
    if not reach_s:
        return []
    rows = Order.objects.filter(
        account_id=intent.account_id,
        created_at__gt=now - timedelta(seconds=reach_s),
        command__isnull=False,
    )
    columns = ("symbol", "strategy_id", "side", "qty", "price", "created_at")
    return [
        (
            Owner(row["strategy_id"], row["command__api_key_id"]),
            Recent(
                symbol=row["symbol"],
                side=Side(row["side"]),
                qty=row["qty"],
                limit_price=row["price"],
                age_s=_seconds(now - row["created_at"]),
            ),
        )
        for row in rows.values(*columns, "command__api_key_id")
    ]


def _seconds(age: timedelta) -> Decimal:
    return Decimal(age // timedelta(microseconds=1)) / 1_000_000


def _traded(
    intent: Intent, limits: list[Limits], markets: dict[str, Market], now: datetime
) -> list[tuple[Owner, Decimal, Decimal]]:
    """Profit less fees, and value, of today's deals in the order's quote currency.

    What was earned is the position's strategy's, what was traded its order's.
    """
    if not _any_set(limits, "max_daily_loss", "max_daily_turnover"):
        return []
    rows = Deal.objects.live().filter(
        account_id=intent.account_id,
        executed_at__gte=now.replace(hour=0, minute=0, second=0, microsecond=0),
    )
    columns = ("symbol", "qty", "price", "kind", "profit", "fee_quote", "other_fees")
    owners = ("strategy_id", "position_strategy_id")
    found = []
    for row in rows.values(*columns, *owners):
        market = markets[row["symbol"]]
        if market.quote != intent.market.quote:
            continue
        traded = (
            notional(row["qty"], row["price"], market) if row["kind"] == DealKind.FILL else None
        )
        others = (Decimal(worth) for _, _, worth in row["other_fees"] if worth is not None)
        profit = row["profit"] - (row["fee_quote"] or ZERO) - sum(others, ZERO)
        found.append((Owner(row["position_strategy_id"]), profit, ZERO))
        if traded:
            found.append((Owner(row["strategy_id"]), ZERO, traded))
    return found
