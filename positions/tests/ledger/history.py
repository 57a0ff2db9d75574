"""An account with a past: orders filled in parts and out of turn, close-bys, merges, dust, and what
the exchange and strangers do to it: external orders, reassigns, forced closes, funding, fills that
it lists rounds after they were booked provisionally.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from accounts.words import Role
from oms_project.errors import OmsError
from positions import ports
from positions.engine.money import plain
from positions.engine.types import OrderStatus, Reason
from positions.models import Order, Position
from positions.outbox import holding
from positions.projector.unclear import missing
from positions.reports import TradeReport
from positions.tests.desk import NOON, Desk
from positions.tests.fakes import INVERSE, LINEAR, SPOT

KINDS: dict[str, dict[str, Any]] = {
    "netting, split": {"symbol": LINEAR},
    "netting, mt5": {"symbol": LINEAR, "reversal": "mt5"},
    "netting on spot": {"symbol": SPOT},
    "strategies on spot": {"symbol": SPOT, "position_mode": "strategy_netting"},
    "strategies, mt5": {
        "symbol": LINEAR,
        "position_mode": "strategy_netting",
        "reversal": "mt5",
    },
    "hedge": {"symbol": LINEAR, "position_mode": "hedge"},
    "hedge on spot": {"symbol": SPOT, "position_mode": "hedge"},
    "hedge, inverse": {"symbol": INVERSE, "position_mode": "hedge"},
}
RATES = {"BNB": Decimal("612.37")}


class History:
    """Lets one desk live through rounds of trading; the same seed gives the same past."""

    def __init__(self, kind: str, *, seed: int) -> None:
        self.desk = Desk(**KINDS[kind])
        self._dice = Random(seed)
        self._strategies = [self.desk.strategy().pk for _ in "ABC"]
        venue = ports.exchange()
        venue.prices |= {self.desk.symbol: Decimal(100)}
        self._waiting: list[Order] = []
        self._found: list[Order] = []
        self.reassigned = 0
        # Of their own, so that the rest of a seed's past is what it was.
        self._late_dice = Random(seed + 1)
        self._unlisted: list[TradeReport] = []

    def live(self, rounds: int, *, orders: int = 6) -> "History":
        """Trade for some rounds; one order in four waits for its second half until the next."""
        for _ in range(rounds):
            placed = [order for order in (self._place() for _ in range(orders)) if order]
            self.desk.claim()
            fills = [fill for order in placed for fill in self._fills(order)]
            for order in self._waiting:
                fills += [(order, order.qty - order.filled_qty)]
            self._waiting = []
            self._dice.shuffle(fills)
            self.desk.tell(*[self._trade(order, qty) for order, qty in fills])
            open_ones = Order.objects.open().filter(pk__in=[order.pk for order in placed])
            self._waiting = list(open_ones)
            self._settle()
            self._happen()
            self._list_late()
            self._book_unlisted()
        return self

    def _book_unlisted(self) -> None:
        """An order that has filled, as the exchange says; its trades come later, or never."""
        dice, desk = self._late_dice, self.desk
        side = dice.choice(["buy", "buy", "sell"])
        strategy_id = dice.choice(self._strategies)
        qty = Decimal(f"{dice.randint(1, 4)}.{dice.randint(0, 999):03}")
        try:
            order = desk.send(side, plain(qty), price="100", strategy_id=strategy_id)
        except OmsError:
            return
        desk.claim()
        part = (qty / 3).quantize(Decimal("0.001"))
        fee = {"fee": "0.002", "fee_currency": dice.choice(["BTC", "USDT", "BNB"])}
        trades = [
            desk.trade(order, plain(each), price, **fee, fee_rates=RATES)
            for each, price in ((part, "97.7"), (qty - part, "101.3"))
        ]
        desk.report(order, OrderStatus.FILLED, plain(qty), average=Decimal("100.1"))
        with holding(desk.account.pk) as lane:
            rules = ports.exchange().market(desk.account.pk, desk.symbol)
            missing.book_provisionally(lane, desk.leg(order), rules)
        self._unlisted += trades

    def _list_late(self) -> None:
        """Half of what was never listed is, now."""
        waiting, self._unlisted = self._unlisted, []
        for trade in waiting:
            if self._late_dice.random() < 0.5:
                self.desk.tell(trade)
            else:
                self._unlisted.append(trade)

    def _happen(self) -> None:
        """What nobody here asked for, and what is made of it."""
        if self._dice.random() < 0.7:
            self._found.append(self._foreign(None))
        has_margin = ":" in self.desk.symbol
        if has_margin and self._dice.random() < 0.15:
            self._foreign(self._dice.choice([Reason.LIQUIDATION, Reason.ADL]))
        if has_margin and self._dice.random() < 0.4:
            money = f"{self._dice.randint(-50, 50)}.{self._dice.randint(0, 10**9):09}"
            ago = timedelta(seconds=self._dice.choice([0, 0, 20, 60]))
            currency = "BTC" if self.desk.symbol == INVERSE else "USDT"
            at = NOON + timedelta(seconds=next(self.desk.seconds)) - ago
            self.desk.pay(money, at=at, currency=currency)
        for order in self._found[-3:]:
            if self._dice.random() < 0.7:
                self._reassign(order)

    def _foreign(self, forced: Reason | None) -> Order:
        side, qty = self._dice.choice(["buy", "sell"]), self._qty(2)
        part = str((Decimal(qty) / 3).quantize(Decimal("0.001")))
        fills = [(part, "97.13"), (str(Decimal(qty) - Decimal(part)), "102.59")]
        fee = {"fee": Decimal("0.0007"), "fee_currency": self._dice.choice(["BTC", "USDT", "BNB"])}
        fee |= {"fee_rates": RATES}
        order = self.desk.adopt(self.desk.foreign(side, qty, *fills, forced=forced, fees=fee))
        if forced is not None and not order.reconciled:
            self._found.append(order)
        return order

    def _reassign(self, order: Order) -> None:
        """Give it to somebody; what stands in the way is somebody else's test."""
        boss = self.desk.caller_with(Role.ADMIN)
        to = self._dice.choice(self._strategies)
        held = [row for row in self.desk.positions() if row.strategy_id == to]
        named = self._dice.choice([*held, None])
        wish = {"target_position_id": named.pk} if named else {}
        try:
            self.desk.reassign(order, to=to, caller=boss, override=True, **wish)
        except OmsError:
            return
        self.reassigned += 1

    def _place(self) -> Order | None:
        """An order the account can take; what it cannot is somebody else's test."""
        held = self.desk.positions()
        price = str(self._dice.randint(80, 120))
        try:
            if held and self._dice.random() < 0.3:
                options = self._dice.choice([{}, {"qty": self._qty(3)}])
                return self.desk.close(self._dice.choice(held), **options)
            side = self._dice.choice(["buy", "buy", "sell"])
            strategy_id = self._dice.choice(self._strategies)
            return self.desk.send(side, self._qty(9), price=price, strategy_id=strategy_id)
        except (OmsError, IndexError):
            return None

    def _fills(self, order: Order) -> Iterator[tuple[Order, Decimal]]:
        parts = self._dice.randint(1, 6)
        part = (order.qty / parts).quantize(Decimal("0.001"))
        for _ in range(parts - 1):
            yield order, part
        if parts == 1 or self._dice.random() < 0.75:
            yield order, order.qty - part * (parts - 1)

    def _trade(self, order: Order, qty: Decimal) -> Any:
        price = f"{self._dice.randint(80, 120)}.{self._dice.randint(1, 99):02}"
        rate, currency = self._dice.choice(
            [
                ("0.001", "BTC" if order.side == "buy" and ":" not in order.symbol else "USDT"),
                ("-0.0001", "USDT"),
                ("0.00075", "BNB"),
                ("0.0005", "XYZ"),
                (None, None),
            ]
        )
        fee = None if rate is None else str(Decimal(rate) * qty)
        others = (("PTS", rate_of_points * qty),) if (rate_of_points := self._points()) else ()
        facts = {"fee_currency": currency, "other_fees": others, "fee_rates": RATES}
        return self.desk.trade(order, str(qty), price, fee=fee, **facts)

    def _points(self) -> Decimal | None:
        """One fill in four is charged in a second currency too."""
        return Decimal("0.0002") if self._dice.random() < 0.25 else None

    def _settle(self) -> None:
        """Close by and merge whatever can be."""
        held = self.desk.positions()
        self._dice.shuffle(held)
        for one, other in zip(held[::2], held[1::2], strict=False):
            if self._dice.random() < 0.3:
                continue
            try:
                self._join(one, other)
            except OmsError:
                continue

    def _join(self, one: Position, other: Position) -> None:
        if one.side != other.side:
            ids = {"position_id_a": one.pk, "position_id_b": other.pk}
            self.desk.give("close_by", **ids, **self._dice.choice([{}, {"qty": "0.003"}]))
        else:
            ids = {"source_position_id": one.pk, "target_position_id": other.pk}
            self.desk.give("merge_positions", **ids)

    def _qty(self, most: int) -> str:
        return f"{self._dice.randint(1, most)}.{self._dice.randint(0, 999):03}"
