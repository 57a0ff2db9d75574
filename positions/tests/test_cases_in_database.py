"""The worked cases again, through the database: commands, reports, rows.

After each case the ledger is replayed.
"""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from accounts.audit import OPERATOR
from oms_project.errors import OmsError
from positions import ports
from positions.engine.drift import Finding
from positions.engine.money import plain
from positions.engine.types import CaseAction, OrderStatus
from positions.models import Case, Deal, Dust, Order, Position
from positions.projector.comparisons import gone_markets, note_comparison
from positions.projector.reassign.settling import NAMED_AFTER
from positions.projector.unclear import missing
from positions.services.decide_case import Decision, decide
from positions.tests.desk import NOON, Desk
from positions.tests.fakes import INVERSE, LINEAR, SPOT
from positions.tests.ledger.checking import differences

FILES = ("position-cases.json", "more-position-cases.json")
CASES = [
    case
    for name in FILES
    for case in json.loads((Path(__file__).parent / name).read_text())["cases"]
]
SYMBOLS = {"linear": LINEAR, "spot": SPOT, "inverse": INVERSE}
AFTER = {1: "after_first", 2: "after_second", 3: "after_third", 4: "after_fourth"}
PLACES = Decimal("1e-12")


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_the_worked_case_comes_out_as_written(case, new_desk, venue):
    # The cases are about booking; no market is in their way.
    free = {"amount_step": None, "min_amount": None, "min_cost": None, "price_step": None}
    venue.change_market(SYMBOLS[case.get("market", "linear")], **free)
    books = _Books(case, new_desk)

    for number, step in enumerate(case["steps"], start=1):
        books.take(step)
        after = AFTER.get(number)
        if after in case:
            assert books.positions(case[after]) == case[after]

    assert books.deals(case["deals"]) == [_plain_fee(deal) for deal in case["deals"]]
    assert books.positions(case["positions"]) == case["positions"]
    if "exchange_net" in case:
        assert books.net() == Decimal(case["exchange_net"])
    if "net_result" in case:
        assert books.net_result() == Decimal(case["net_result"])
    assert books.dust() == case.get("dust", {})
    for letter, places in case.get("restricted", {}).items():
        assert books.seen_by(letter) == places
    told = Case.objects.order_by("id").values_list("kind", flat=True)
    assert [*told] == case.get("cases", [])
    for letter, expected in case.get("result", {}).items():
        row = Position.objects.get(pk=books.named(letter))
        assert {"state": row.state, "qty": plain(row.qty)} == expected
    assert differences(books.desk) == []


class _Books:
    """Carries a case's steps out as a client and an exchange would."""

    def __init__(self, case: dict[str, Any], new_desk: type[Desk]) -> None:
        self.desk = new_desk(
            SYMBOLS[case.get("market", "linear")],
            position_mode=case["mode"],
            reversal=case.get("reversal", "split"),
        )
        self._case = case
        self._orders: dict[int | str, Order] = {}
        self._filled_at = NOON
        self._strategies = {letter: self.desk.strategy().pk for letter in "ABC"} | {"0": 0}

    def take(self, step: dict[str, Any]) -> None:
        match step:
            case {"fill": {"external": True} as fill}:
                name = fill["order"]
                order = self.desk.external(fill["side"], fill["qty"], fill["price"])
                self._orders[name] = order
            case {"fill": fill}:
                self._fill(fill)
            case {"reassign": {"order": name, "strategy": letter}}:
                self.desk.reassign(self._orders[name], to=self._strategies[letter])
            case {"report": report}:
                self._report(report)
            case {"book_provisional": {"order": number}}:
                missing.sweep(timezone.now() + NAMED_AFTER, [self.desk.account.pk])
                case = Case.objects.get(order=self._orders[number])
                wish = Decision(CaseAction.BOOK_PROVISIONAL, "not listed since yesterday")
                decide(case.pk, wish, OPERATOR)
                assert self.desk.fresh(self._orders[number]).provisional
            case {"list": trade}:
                self._list(trade)
            case {"rest": rest}:
                self._orders[rest["order"]] = self.desk.rest(
                    rest["side"],
                    rest["qty"],
                    rest["price"],
                    strategy_id=self._strategies[rest["strategy"]],
                    reduce_only=rest["reduce_only"],
                )
            case {"cut": {"order": number, "qty": qty}}:
                change = self._orders[number].instructions.get(payload__has_key="cut")
                assert change.payload["replace"]["qty"] == qty
            case {"market_gone": True}:
                ports.exchange().change_market(self.desk.symbol, active=False)
                found = gone_markets(self.desk.account.pk)
                note_comparison(self.desk.account.pk, [Finding.MARKET_GONE], found, tick={})
            case {"write_off": wish}:
                case = Case.objects.get(position=self.named(wish["position"]))
                price = Decimal(wish["price"]) if "price" in wish else None
                decide(case.pk, Decision(CaseAction.WRITE_OFF, "delisted", price), OPERATOR)
            case {"refused": code}:
                with pytest.raises(OmsError) as refusal:
                    self._command(step)
                assert refusal.value.code == code
            case _:
                self._command(step)

    def _command(self, step: dict[str, Any]) -> None:
        match step:
            case {"send": send}:
                self._send(send, send["qty"])
            case {"close": wish}:
                self._close(wish)
            case {"close_by": [a, b]}:
                if "mark" in step:
                    ports.exchange().prices[self.desk.symbol] = Decimal(step["mark"])
                ids = {"position_id_a": self.named(a), "position_id_b": self.named(b)}
                self.desk.give("close_by", **ids)
            case {"merge": {"source": source, "target": target}}:
                ids = {
                    "source_position_id": self.named(source),
                    "target_position_id": self.named(target),
                }
                self.desk.give("merge_positions", **ids)
            case {"pending_close": {"position": letter, "qty": qty}}:
                self.desk.give(
                    "close_position",
                    position_id=self.named(letter),
                    qty=qty,
                    type="limit",
                    price="200",
                )

    def _report(self, report: dict[str, Any]) -> None:
        """An order that has filled, as the exchange says, and no trade of it."""
        order = self._orders[report["order"]] = self._send(report, report["qty"])
        self.desk.claim()
        self._filled_at = NOON + timedelta(seconds=next(self.desk.seconds))
        average = Decimal(report["average"])
        self.desk.report(order, OrderStatus.FILLED, report["qty"], average=average)
        assert self.desk.fresh(order).status == OrderStatus.SUBMITTED

    def _list(self, facts: dict[str, Any]) -> None:
        order, names = self._orders[facts["order"]], ("fee", "fee_currency")
        fee = {name: facts[name] for name in names if name in facts}
        at = {"executed_at": self._filled_at}
        self.desk.tell(self.desk.trade(order, facts["qty"], facts["price"], **fee, **at))

    def _close(self, wish: dict[str, Any]) -> None:
        """Ask for all of a position; the order has what may be sent of it."""
        ports.exchange().prices[self.desk.symbol] = Decimal(100)
        command = self.desk.give("close_position", position_id=self.named(wish["position"]))
        order = Order.objects.get(pk=command.order_ids[0])
        assert plain(order.qty) == wish["sent"]
        assert self.desk.leg(order).reduce_only == wish["reduce_only"]
        self._orders[wish["order"]] = order
        self.desk.claim()

    def _fill(self, fill: dict[str, Any]) -> None:
        number = fill["order"]
        if number not in self._orders:
            fills = [step["fill"] for step in self._case["steps"] if "fill" in step]
            whole = sum(Decimal(each["qty"]) for each in fills if each["order"] == number)
            self._orders[number] = self._send(fill, plain(whole))
            self.desk.claim()
        order = self._orders[number]
        trade = self.desk.trade(
            order,
            fill["qty"],
            fill["price"],
            fee=fill.get("fee"),
            fee_currency=fill.get("fee_currency"),
        )
        filled = self.desk.leg(order).booked_filled + trade.qty
        status = OrderStatus.FILLED if filled == order.qty else OrderStatus.PARTIALLY_FILLED
        self.desk.report(order, status, plain(filled), trades=[trade])

    def _send(self, step: dict[str, Any], qty: str) -> Order:
        named = {"position_id": self.named(step["position"])} if "position" in step else {}
        strategy_id = self._strategies[step.get("strategy", "0")]
        return self.desk.send(step["side"], qty, strategy_id=strategy_id, **named)

    def named(self, letter: str) -> int:
        return self._lettered().order_by("id")[ord(letter) - ord("a")].pk

    def _lettered(self) -> QuerySet[Position]:
        """Dedicated positions are counted outside the letters."""
        return Position.objects.standing().filter(is_external=False)

    def deals(self, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows = self.desk.deals()
        assert len(rows) == len(wanted)
        return [self._deal(row, set(names)) for row, names in zip(rows, wanted, strict=True)]

    def _deal(self, row: Deal, names: set[str]) -> dict[str, Any]:
        written = {
            "entry": row.entry,
            "kind": row.kind,
            "side": row.side,
            "qty": plain(row.qty),
            "price": None if row.price is None else plain(row.price),
            "profit": plain(row.profit),
            "position": self._letter(row.position),
            "fee": None if row.fee is None else plain(row.fee),
            "fee_currency": row.fee_currency,
            "reconciled": row.reconciled,
            "reason": row.position.reason,
            "strategy": self._strategy(row.strategy_id),
            "position_strategy": self._strategy(row.position_strategy_id),
        }
        return {name: value for name, value in written.items() if name in names}

    def positions(self, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows = self.desk.positions()
        assert len(rows) == len(wanted)
        return [self._position(row, set(names)) for row, names in zip(rows, wanted, strict=True)]

    def _position(self, row: Position, names: set[str]) -> dict[str, Any]:
        numbers = {order.pk: number for number, order in self._orders.items()}
        written = {
            "position": self._letter(row),
            "side": row.side,
            "qty": plain(row.qty),
            "avg_price": plain(row.avg_price.quantize(PLACES)),
            "strategy": self._strategy(row.strategy_id),
            "reason": row.reason,
            "ticket_order": numbers[row.ticket],
        }
        return {name: value for name, value in written.items() if name in names}

    def seen_by(self, letter: str) -> list[int]:
        """Which live deals, from 1, a key sees that is restricted to this strategy."""
        caller = self.desk.caller_with(strategies=[self._strategies[letter]])
        seen = {row.pk for row in Deal.objects.visible_to(caller, [self.desk.account.pk])}
        return [place for place, row in enumerate(self.desk.deals(), start=1) if row.pk in seen]

    def _strategy(self, strategy_id: int) -> str:
        return {number: letter for letter, number in self._strategies.items()}[strategy_id]

    def _letter(self, row: Position) -> str:
        if row.is_external:
            return "x"
        return chr(ord("a") + self._lettered().filter(pk__lt=row.pk).count())

    def net(self) -> Decimal:
        held = sum((row.holding.signed_qty for row in self.desk.positions()), Decimal(0))
        return held + sum((row.qty for row in Dust.objects.filter(currency="BTC")), Decimal(0))

    def net_result(self) -> Decimal:
        return sum((deal.profit - (deal.fee_quote or 0) for deal in self.desk.deals()), Decimal(0))

    def dust(self) -> dict[str, str]:
        return {row.currency: plain(row.qty) for row in Dust.objects.all()}


def _plain_fee(deal: dict[str, Any]) -> dict[str, Any]:
    """The case may say 0.10 where we write 0.1."""
    return deal | ({"fee": plain(Decimal(deal["fee"]))} if deal.get("fee") else {})
