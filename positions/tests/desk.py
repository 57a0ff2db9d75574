"""A trading desk for tests: give commands as a client would, report as an exchange would."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from accounts.models import Account, Strategy
from accounts.rights.permissions import AccountRights, Caller, StrategyRights
from accounts.tests import builders
from accounts.words import Right, Role
from positions import projector, services
from positions.commands import Envelope, Reassign
from positions.engine.types import OrderStatus, Reason, Side
from positions.forms.commands import fingerprint, parse_command
from positions.models import Command, Deal, Event, ExchangeOrder, Instruction, Order, Position
from positions.projector import Claim
from positions.projector.apply import Owing
from positions.reports import FundingReport, OrderReport, Reports, TradeReport
from positions.services.reassign import reassign
from positions.tests.fakes import LINEAR

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
_ALL = frozenset(Right)
_names = count(1)


class Desk:
    """One account, one user with every right, and the exchange's side of it."""

    def __init__(self, symbol: str = LINEAR, role: Role = Role.TRADER, **settings: Any) -> None:
        self.symbol = symbol
        self.account: Account = builders.account(f"desk {next(_names)}", **settings)
        self.user = builders.user(f"user{next(_names)}", role)
        self.caller = self.caller_with()
        self.seconds = count(1)

    # --- the client's side ---

    def caller_with(
        self,
        role: Role | None = None,
        *,
        strategies: Iterable[int] | None = None,
        rights: frozenset[Right] = _ALL,
    ) -> Caller:
        """A caller on this account, restricted to ``strategies`` if given."""
        listed = None if strategies is None else {each: StrategyRights() for each in strategies}
        return Caller(
            user_id=self.user.pk,
            user_name=self.user.username,
            role=role or Role(self.user.role),
            api_key_id=None,
            rights={self.account.pk: AccountRights(rights, listed)},
        )

    def strategy(self) -> Strategy:
        """A strategy that is linked to the account."""
        return builders.strategy(f"strategy {next(_names)}", self.account)

    def give(
        self,
        command: str,
        *,
        request_id: str | None = None,
        caller: Caller | None = None,
        after: Command | None = None,
        **payload: Any,
    ) -> Command:
        """Give a command."""
        parsed = parse_command({"command": command, "request_id": request_id, "payload": payload})
        envelope = Envelope(
            account_id=self.account.pk,
            command=command,
            request_id=request_id,
            fingerprint=fingerprint(parsed, self.account.pk),
            payload=parsed.payload,
            after_id=after.pk if after else None,
        )
        return services.accept(envelope, parsed.command, caller or self.caller)

    def send(self, side: str = "buy", qty: str = "1", **payload: Any) -> Order:
        """Accept an order: a market order unless a price says otherwise."""
        kind = "limit" if "price" in payload else "market"
        payload = {"symbol": self.symbol, "type": kind, "side": side, "qty": qty} | payload
        return Order.objects.get(pk=self.give("send_order", **payload).order_ids[0])

    def close(self, position: Position, **payload: Any) -> Order:
        """Accept a close that needs an order."""
        command = self.give("close_position", position_id=position.pk, **payload)
        return Order.objects.get(pk=command.order_ids[0])

    # --- the worker's side ---

    def claim(self, most: int = 100) -> list[Claim]:
        """Take what waits."""
        return projector.claim(self.account.pk, most=most, fence=0)

    def claim_one(self) -> Claim:
        """Take the only thing that waits."""
        (claim,) = self.claim()
        return claim

    # --- the exchange's side ---

    def report(
        self,
        order: Order,
        status: OrderStatus | None,
        filled: str | None = "0",
        *,
        trades: Iterable[TradeReport] = (),
        streamed: bool = False,
        **facts: Any,
    ) -> list[Owing]:
        """What the exchange says of the order that is its current one there."""
        leg = self.leg(order)
        known = {
            "exchange_order_id": leg.exchange_order_id or f"x{leg.pk}",
            "client_order_id": leg.client_order_id,
            "qty": leg.qty,
            "price": leg.price,
            "filled_qty": None if filled is None else Decimal(filled),
        }
        report = OrderReport(symbol=order.symbol, status=status, **known | facts)
        reports = Reports((report,), tuple(trades))
        return projector.apply(self.account.pk, reports, streamed=streamed)

    def trade(self, order: Order, qty: str, price: str = "100", **facts: Any) -> TradeReport:
        """A fill of the order as the exchange describes it; each has the next id and second."""
        number, leg = next(self.seconds), self.leg(order)
        fee = facts.pop("fee", None)
        known = {
            "exchange_trade_id": str(number),
            "exchange_order_id": leg.exchange_order_id or f"x{leg.pk}",
            "client_order_id": leg.client_order_id,
            "executed_at": NOON + timedelta(seconds=number),
            "fee": None if fee is None else Decimal(fee),
        }
        return TradeReport(
            symbol=order.symbol,
            side=Side(order.side),
            qty=Decimal(qty),
            price=Decimal(price),
            **known | facts,
        )

    def tell(self, *trades: TradeReport) -> list[Owing]:
        """Trades alone, as a stream or a fetch brings them."""
        return projector.apply(self.account.pk, Reports(trades=trades))

    def rest(self, side: str = "buy", qty: str = "1", price: str = "100", **payload: Any) -> Order:
        """A limit order that rests at the exchange."""
        order = self.send(side, qty, price=price, **payload)
        self.claim()
        self.report(order, OrderStatus.SUBMITTED)
        return self.fresh(order)

    def fill(self, order: Order, qty: str, price: str = "100", **facts: Any) -> Order:
        """Fill a part of an order, or all of it, and say so."""
        self.claim()
        trade = self.trade(order, qty, price, **facts)
        leg = self.leg(order)
        filled = leg.booked_filled + trade.qty
        status = OrderStatus.FILLED if filled >= leg.qty else OrderStatus.PARTIALLY_FILLED
        self.report(order, status, str(filled), trades=[trade])
        return self.fresh(order)

    def bought(self, qty: str = "1", price: str = "100", **payload: Any) -> Position:
        """A position from one filled buy."""
        return self.filled("buy", qty, price, **payload).position

    def filled(self, side: str, qty: str, price: str = "100", **payload: Any) -> Order:
        """A market order, filled."""
        return self.fill(self.send(side, qty, **payload), qty, price)

    def foreign(
        self,
        side: str = "sell",
        qty: str = "1",
        *fills: tuple[str, str],
        name: str | None = None,
        forced: Reason | None = None,
        fees: dict[str, Any] | None = None,
        **facts: Any,
    ) -> Reports:
        """What the exchange says of an order that nobody here gave, with its fills (qty, price)."""
        name = name or f"foreign {next(_names)}"
        trades = [
            self.foreign_trade(name, side, *fill, forced=forced, **fees or {}) for fill in fills
        ]
        filled = sum((trade.qty for trade in trades), Decimal(0))
        whole = filled >= Decimal(qty)
        known = {
            "status": OrderStatus.FILLED if whole else OrderStatus.SUBMITTED,
            "side": Side(side),
            "qty": Decimal(qty),
            "price": Decimal(100),
            "filled_qty": filled,
            "client_order_id": "theirs",
        }
        order = OrderReport(symbol=self.symbol, exchange_order_id=name, **known | facts)
        return Reports((order,), tuple(trades))

    def foreign_trade(
        self,
        name: str,
        side: str,
        qty: str,
        price: str = "100",
        *,
        forced: Reason | None = None,
        **facts: Any,
    ) -> TradeReport:
        """One fill of a foreign order."""
        number = next(self.seconds)
        return TradeReport(
            symbol=self.symbol,
            exchange_trade_id=str(number),
            exchange_order_id=name,
            side=Side(side),
            qty=Decimal(qty),
            price=Decimal(price),
            executed_at=NOON + timedelta(seconds=number),
            forced=forced,
            **facts,
        )

    def adopt(self, reports: Reports) -> Order:
        """Let reconciliation find one foreign order."""
        projector.apply(self.account.pk, reports, adopt=True)
        return Order.objects.get(exchange_order_id=reports.orders[0].exchange_order_id)

    def external(self, side: str, qty: str, price: str = "100") -> Order:
        """A foreign order, filled and found."""
        return self.adopt(self.foreign(side, qty, (qty, price)))

    def liquidate(self, side: str, qty: str, price: str = "100") -> Order:
        """The exchange closes by force; ``side`` is that of its order."""
        return self.adopt(self.foreign(side, qty, (qty, price), forced=Reason.LIQUIDATION))

    def pay(self, amount: str, at: datetime | None = None, **facts: Any) -> FundingReport:
        """A funding payment, now or ``at`` another time."""
        number = next(self.seconds)
        known = {
            "exchange_funding_id": f"f{number}",
            "currency": "USDT",
            "paid_at": at or NOON + timedelta(seconds=number),
        }
        report = FundingReport(symbol=self.symbol, amount=Decimal(amount), **known | facts)
        projector.apply(self.account.pk, Reports(fundings=(report,)))
        return report

    def reassign(
        self, *orders: Order, to: int, caller: Caller | None = None, **wish: Any
    ) -> dict[str, Any]:
        """Give orders to a strategy."""
        asked = Reassign(to, order_ids=tuple(order.pk for order in orders), **wish)
        return reassign(asked, caller or self.caller)

    # --- what is stored ---

    def fresh(self, row: Any) -> Any:
        """The row as it is now."""
        return type(row).objects.get(pk=row.pk)

    def leg(self, order: Order) -> ExchangeOrder:
        return order.exchange_orders.get(is_current=True)

    def instructions(self, order: Order) -> list[Instruction]:
        return list(order.instructions.order_by("id"))

    def deals(self) -> list[Deal]:
        return list(Deal.objects.live().filter(account=self.account).order_by("booking_no"))

    def superseded(self) -> list[Deal]:
        """The deals that a reassign replaced."""
        gone = Deal.objects.filter(account=self.account).exclude(superseded_by=None)
        return list(gone.order_by("booking_no"))

    def positions(self) -> list[Position]:
        return list(Position.objects.open().filter(account=self.account).order_by("id"))

    def events(self) -> list[str]:
        """The names of the events told, oldest first."""
        log = Event.objects.filter(account=self.account).order_by("seq")
        return list(log.values_list("event", flat=True))
