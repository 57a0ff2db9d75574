"""Every worked case of position-cases.json, run on the engine by the in-memory ledger."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from positions.engine.closing import PendingOrder
from positions.engine.errors import EngineError
from positions.engine.holding import Fill, average_price
from positions.engine.money import ZERO, plain
from positions.engine.routing import OrderFacts
from positions.engine.types import PositionMode, Reversal, Side
from positions.tests.engine.ledger import INVERSE, LINEAR, SPOT, Ledger, Position

CASES = json.loads((Path(__file__).parent.parent / "position-cases.json").read_text())["cases"]
MARKETS = {"linear": LINEAR, "spot": SPOT, "inverse": INVERSE}
STRATEGIES = {"0": 0, "A": 1, "B": 2, "C": 3}
EXTERNAL_ORDERS = 1000
AVERAGE_PLACES = Decimal("1e-12")


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_worked_case_comes_out_as_written(case: dict[str, Any]) -> None:
    books = Ledger(
        PositionMode(case["mode"]),
        Reversal(case.get("reversal", "split")),
        MARKETS[case.get("market", "linear")],
    )

    for number, step in enumerate(case["steps"], start=1):
        books = take(step, books)
        after = {1: "after_first", 2: "after_second"}.get(number)
        if after in case:
            assert_positions(books, case[after])

    assert_deals(books, case["deals"])
    assert_positions(books, case["positions"])
    if "exchange_net" in case:
        assert books.net() == Decimal(case["exchange_net"])
    if "net_result" in case:
        assert books.net_result() == Decimal(case["net_result"])
    assert books.dust == {name: Decimal(qty) for name, qty in case.get("dust", {}).items()}
    for letter, expected in case.get("result", {}).items():
        row = books.positions[position_id(letter)]
        assert {"state": row.state, "qty": plain(row.holding.qty)} == expected


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_worked_case_replays_to_the_same_rows(case: dict[str, Any]) -> None:
    books = Ledger(
        PositionMode(case["mode"]),
        Reversal(case.get("reversal", "split")),
        MARKETS[case.get("market", "linear")],
    )
    for step in case["steps"]:
        books = take(step, books)

    assert books.replayed().rows() == books.rows()


def take(step: dict[str, Any], books: Ledger) -> Ledger:
    """Carry out one step, expecting its refusal where it names one."""
    if "refused" in step:
        with pytest.raises(EngineError) as refusal:
            act(step, books)
        assert refusal.value.code == step["refused"]
        return books
    return act(step, books)


def act(step: dict[str, Any], books: Ledger) -> Ledger:
    match step:
        case {"fill": fill}:
            books.fill(order_of(fill), fill_of(fill))
        case {"close_by": [a, b]}:
            mark = Decimal(step["mark"]) if "mark" in step else None
            books.close_by(position_id(a), position_id(b), mark)
        case {"merge": {"source": source, "target": target}}:
            books.merge(position_id(source), position_id(target))
        case {"pending_close": {"position": position, "qty": qty}}:
            held = books.positions[position_id(position)]
            order = PendingOrder(held.holding.side.opposite, Decimal(qty))
            books.pending.setdefault(held.position_id, []).append(order)
        case {"rest": rest}:
            books.resting.append((order_of(rest), Decimal(rest["qty"])))
        case {"cut": {"order": order, "qty": qty}}:
            assert books.cuts()[order_id(order)] == Decimal(qty)
        case {"send": send}:
            books.check_send(order_of({"order": 99} | send), Decimal(send["qty"]))
        case {"reassign": {"order": order, "strategy": strategy}}:
            moved = next(o for _, (o, _) in books.journal if o.order_id == order_id(order))
            now = OrderFacts(moved.order_id, moved.side, STRATEGIES[strategy])
            return books.replayed({moved.order_id: now})
        case _:
            pytest.fail(f"unknown step {step}")
    return books


def order_of(step: dict[str, Any]) -> OrderFacts:
    return OrderFacts(
        order_id=order_id(step["order"]),
        side=Side(step["side"]),
        strategy_id=STRATEGIES[step.get("strategy", "0")],
        position_id=position_id(step["position"]) if "position" in step else None,
        external=step.get("external", False),
        reduce_only=step.get("reduce_only", False),
    )


def fill_of(step: dict[str, Any]) -> Fill:
    return Fill(
        side=Side(step["side"]),
        qty=Decimal(step["qty"]),
        price=Decimal(step["price"]),
        fee=Decimal(step.get("fee", "0")),
        fee_currency=step.get("fee_currency"),
    )


def order_id(name: int | str) -> int:
    return name if isinstance(name, int) else EXTERNAL_ORDERS + int(name.removeprefix("ext-"))


def position_id(letter: str) -> int:
    return -1 if letter == "x" else ord(letter) - ord("a") + 1


def letter_of(position: int) -> str:
    return "x" if position < 0 else chr(ord("a") + position - 1)


def assert_deals(books: Ledger, expected: list[dict[str, Any]]) -> None:
    written = [
        {
            "entry": deal.leg.entry,
            "side": deal.leg.side,
            "qty": plain(deal.leg.qty),
            "price": plain(deal.leg.price),
            "profit": plain(deal.leg.profit),
            "position": letter_of(deal.position_id),
            "fee": plain(deal.leg.fee),
            "fee_currency": deal.leg.fee_currency,
            "reason": deal.reason,
        }
        for deal in books.deals
    ]

    assert len(written) == len(expected)
    for got, wanted in zip(written, expected, strict=True):
        assert {name: got[name] for name in wanted} == wanted | fee_as_written(wanted)


def fee_as_written(deal: dict[str, Any]) -> dict[str, str]:
    """The case may say 0.10 where we write 0.1."""
    return {"fee": plain(Decimal(deal["fee"]))} if "fee" in deal else {}


def assert_positions(books: Ledger, expected: list[dict[str, Any]]) -> None:
    rows = books.open_positions()

    assert {letter_of(row.position_id) for row in rows} == {row["position"] for row in expected}
    for wanted in expected:
        got = described(books.positions[position_id(wanted["position"])], books)
        assert {name: got[name] for name in wanted} == wanted


def described(position: Position, books: Ledger) -> dict[str, Any]:
    average = average_price(position.holding, books.market) or ZERO
    strategies = {number: letter for letter, number in STRATEGIES.items()}
    return {
        "position": letter_of(position.position_id),
        "side": position.holding.side,
        "qty": plain(position.holding.qty),
        "avg_price": plain(average.quantize(AVERAGE_PLACES)),
        "strategy": strategies[position.facts.strategy_id],
        "reason": position.reason,
        "ticket_order": position.ticket,
    }
