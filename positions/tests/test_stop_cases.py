"""The worked stops, through the database: commands, prices, reports, rows."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from positions.engine.money import plain
from positions.models import Case, Order, Position
from positions.projector.protection import following
from positions.rows import position_row
from positions.tests.fakes import LINEAR, SPOT
from positions.tests.guarded import Guarded
from positions.tests.ledger.checking import differences
from positions.volumes import exchange_net

CASES = json.loads((Path(__file__).parent / "stop-cases.json").read_text())["cases"]
SYMBOLS = {"linear": LINEAR, "spot": SPOT}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_the_worked_stop_comes_out_as_written(case, db):
    books = _Books(case)

    for step in case["steps"]:
        books.take(step)

    assert books.deals() == case["deals"]
    assert [books.shown(row) for row in books.desk.positions()] == case["positions"]
    books.expect({"cases": case["cases"], "exchange_net": case["exchange_net"]})
    assert differences(books.desk) == []


class _Books:
    """Carries a case's steps out as a client, a market and an exchange would."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.desk = Guarded(SYMBOLS[case.get("market", "linear")], position_mode=case["mode"])
        self._strategies = {letter: self.desk.strategy().pk for letter in "AB"}
        self._externals: dict[str, Order] = {}

    def take(self, step: dict[str, Any]) -> None:
        ((what, facts),) = step.items()
        getattr(self, what)(facts)

    def fill(self, fill: dict[str, Any]) -> None:
        strategy_id = self._strategies[fill["strategy"]]
        self.desk.filled(fill["side"], fill["qty"], fill["price"], strategy_id=strategy_id)

    def stop(self, facts: dict[str, Any]) -> None:
        stops = {name: value for name, value in facts.items() if name != "position"}
        self.desk.protect(self._named(facts["position"]), **stops)

    def price(self, price: str) -> None:
        self.desk.hear(price)
        following.sweep(timezone.now() + timedelta(seconds=10))
        self.desk.carry_on()

    def close(self, facts: dict[str, str]) -> None:
        self.desk.close(self._named(facts["position"]))
        self.desk.take()  # The cancel of the stop is on the wire.

    def stop_fills(self, facts: dict[str, str]) -> None:
        (stop,) = [leg for leg in self.desk.resting() if leg.position_id == self._named("a").pk]
        self.desk.price = facts["price"]
        self.desk.executed(stop)
        self.desk.carry_on()

    def external(self, facts: dict[str, str]) -> None:
        order = self.desk.external(facts["side"], facts["qty"], facts["price"])
        self._externals[facts["order"]] = order
        self.desk.carry_on()

    def reassign(self, facts: dict[str, str]) -> None:
        order = self._externals[facts["order"]]
        self.desk.reassign(order, to=self._strategies[facts["strategy"]])

    def expect(self, wanted: dict[str, Any]) -> None:
        told = {
            "cases": [*Case.objects.open().order_by("id").values_list("kind", flat=True)],
            "exchange_net": plain(exchange_net(self.desk.account.pk, self.desk.symbol)),
            "open": [self._letter(row) for row in self.desk.positions()],
        }
        if {"warning", "trailing"} & wanted.keys():
            row = position_row(self._named("a"))
            told |= {"warning": row["protection"].get("warning"), "trailing": row["trailing"]}
        assert {name: told[name] for name in wanted} == wanted

    def deals(self) -> list[dict[str, str]]:
        return [
            {
                "entry": str(row.entry),
                "side": str(row.side),
                "qty": plain(row.qty),
                "price": plain(row.price),
                "profit": plain(row.profit),
                "position": self._letter(row.position),
            }
            for row in self.desk.deals()
        ]

    def shown(self, row: Position) -> dict[str, str]:
        return {"position": self._letter(row), "side": str(row.side), "qty": plain(row.qty)}

    def _named(self, letter: str) -> Position:
        return self._lettered()[ord(letter) - ord("a")]

    def _letter(self, position: Position) -> str:
        if position.is_external:
            return "x"
        return chr(ord("a") + [row.pk for row in self._lettered()].index(position.pk))

    def _lettered(self) -> list[Position]:
        """Dedicated positions are counted outside the letters."""
        mine = Position.objects.standing().filter(account=self.desk.account, is_external=False)
        return list(mine.order_by("id"))
