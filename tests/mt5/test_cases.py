"""Do the worked cases come out as in MetaTrader, given by ``order_send`` and read by its lists?"""

import json
from collections import defaultdict
from decimal import Decimal
from itertools import groupby

import pytest

from ccxt_driver import mt5
from tests.e2e.product import ROOT

pytestmark = pytest.mark.e2e
TABLE = ROOT / "positions" / "tests" / "position-cases.json"
CASES = {case["id"]: case for case in json.loads(TABLE.read_text())["cases"]}
RAN = [
    "N1",
    "N2",
    "N3",
    "N4",
    "N5",
    "N6m",
    "N10",
    "N11",
    "N12",
    "H1",
    "H2",
    "H3",
    "H4",
    "H5",
    "H6",
    "H7",
    "H9",
]
SYMBOL, CCXT = "BTCUSDT", "BTC/USDT:USDT"
ENTRIES = {"in": 0, "out": 1, "inout": 2, "out_by": 3}
TYPES = {"buy": 0, "sell": 1}
REFUSED = {
    "N12": mt5.TRADE_RETCODE_INVALID,
    "H4": mt5.TRADE_RETCODE_INVALID_CLOSE_VOLUME,
    "H5": mt5.TRADE_RETCODE_CLOSE_ORDER_EXIST,
}
# Its table has the reversal in two deals; with the account's setting it is one, as in MetaTrader.
N8 = CASES["N8s"] | {
    "id": "N8",
    "deals": [
        *CASES["N8s"]["deals"][:2],
        {"entry": "inout", "side": "sell", "qty": "2", "price": "104", "profit": "4",
         "position": "a"},
    ],
    "positions": [{"position": "a", "side": "sell", "qty": "1", "avg_price": "104",
                   "ticket_order": 2}],
}  # fmt: skip


class Play:
    """A case on an account: letters and numbers of its table become tickets."""

    def __init__(self, desk, case) -> None:
        self.desk, self.case = desk, case
        self.orders = {}  # The ticket of each order of the table.
        self.identifiers = []  # Of the positions, in order of appearance.

    def run(self) -> None:
        for _, steps in groupby(self.case["steps"], key=self._order_of):
            self._step(list(steps))

    def deals(self):
        """What ``history_deals_get`` has of all positions: with the letter of each."""
        found = []
        for letter, identifier in zip("abcdef", self.identifiers, strict=False):
            found += [(letter, deal) for deal in mt5.history_deals_get(position=identifier)]
        return sorted(found, key=lambda pair: pair[1].ticket)

    def _step(self, steps) -> None:
        ((kind, first),) = [item for item in steps[0].items() if item[0] != "refused"]
        if kind == "fill":
            result = self._fill([step["fill"] for step in steps])
            self.orders[first["order"]] = result.order
            (position_id,) = {
                deal.position_id for deal in mt5.history_deals_get(ticket=result.order)
            }
            if position_id not in self.identifiers:
                self.identifiers.append(position_id)
        elif kind == "send":
            self._refused(self._deal(first, Decimal(first["qty"])))
        elif kind == "pending_close":
            self._close_at_a_limit(first)
        elif kind == "close_by":
            one, other = (self._ticket(letter) for letter in first)
            result = mt5.order_send({"action": mt5.TRADE_ACTION_CLOSE_BY, "position": one,
                                     "position_by": other})  # fmt: skip
            if "refused" in steps[0]:
                self._refused(result)
            else:
                assert result.retcode == mt5.TRADE_RETCODE_DONE, result

    def _fill(self, fills):
        """One order; filled at two prices, it waits at the first and is changed to the second."""
        first, *more = fills
        opposite = "sell" if first["side"] == "buy" else "buy"
        self.desk.offer(opposite, first["qty"], first["price"], CCXT, "others")
        if not more:
            result = self._deal(first, Decimal(first["qty"]))
            assert result.retcode == mt5.TRADE_RETCODE_DONE, result
            return result
        qty = sum(Decimal(fill["qty"]) for fill in fills)
        limit = mt5.ORDER_TYPE_BUY_LIMIT if opposite == "sell" else mt5.ORDER_TYPE_SELL_LIMIT
        result = mt5.order_send({
            "action": mt5.TRADE_ACTION_PENDING, "symbol": SYMBOL, "volume": float(qty),
            "type": limit, "price": float(first["price"]),
        })  # fmt: skip
        assert result.retcode == mt5.TRADE_RETCODE_DONE, result
        (waiting,) = mt5.orders_get(ticket=result.order)
        assert waiting.state == mt5.ORDER_STATE_PARTIAL
        for fill in more:
            self.desk.offer(opposite, fill["qty"], fill["price"], CCXT, "others")
            changed = mt5.order_send({"action": mt5.TRADE_ACTION_MODIFY, "order": result.order,
                                      "price": float(fill["price"])})  # fmt: skip
            assert changed.retcode == mt5.TRADE_RETCODE_DONE, changed
        self.desk.product.until(lambda: not mt5.orders_total(), 10, "the changed order's fill")
        return result

    def _deal(self, step, qty):
        request = {"action": mt5.TRADE_ACTION_DEAL, "symbol": SYMBOL, "volume": float(qty),
                   "type": TYPES[step["side"]], "type_filling": mt5.ORDER_FILLING_FOK}  # fmt: skip
        if "position" in step:
            request["position"] = self._ticket(step["position"])
        return mt5.order_send(request)

    def _close_at_a_limit(self, step) -> None:
        """No request of the package says this; somebody did it in the OMS."""
        rows = self.desk.product.positions(self.account)
        ticket = self._ticket(step["position"])
        (row,) = [row for row in rows if row["ticket"] == ticket]
        self.desk.product.command("close_position", position_id=row["id"], qty=step["qty"],
                                  order_type="limit", price="150")  # fmt: skip

    @property
    def account(self):
        return self.desk.accounts["hedge" if self.case["mode"] == "hedge" else "netting"]

    def _refused(self, result) -> None:
        assert result.retcode == REFUSED[self.case["id"]], result
        assert (result.order, result.deal) == (0, 0)

    def _ticket(self, letter: str) -> int:
        identifier = self.identifiers["abcdef".index(letter)]
        (found,) = [one for one in mt5.positions_get() if one.identifier == identifier]
        return found.ticket

    @staticmethod
    def _order_of(step):
        return step["fill"]["order"] if "fill" in step else id(step)


@pytest.fixture
def play(desk, request):
    """The case on an account that has nothing, and has nothing afterwards."""
    case = request.param
    desk.price(100)
    desk.connect("hedge" if case["mode"] == "hedge" else "netting")
    played = Play(desk, case)
    yield played
    for order in mt5.orders_get():
        mt5.order_send({"action": mt5.TRADE_ACTION_REMOVE, "order": order.ticket})
    mt5.Close(SYMBOL)
    assert mt5.positions_total() == 0


@pytest.mark.parametrize("play", [*(CASES[name] for name in RAN), N8],
                         ids=[*RAN, "N8"], indirect=True)  # fmt: skip
def test_a_worked_case_comes_out_as_in_metatrader(play):
    case = play.case

    play.run()

    shown = [
        (letter, deal.entry, deal.type, deal.volume, deal.price, deal.profit)
        for letter, deal in play.deals()
    ]
    assert shown == [
        (deal["position"], ENTRIES[deal["entry"]], TYPES[deal["side"]], float(deal["qty"]),
         float(deal["price"]), float(deal["profit"]))
        for deal in case["deals"]
    ]  # fmt: skip
    assert {deal.reason for _, deal in play.deals()} <= {mt5.DEAL_REASON_EXPERT, 0}
    held = {one.identifier: one for one in mt5.positions_get(symbol=SYMBOL)}
    wanted = {play.identifiers["abcdef".index(row["position"])]: row for row in case["positions"]}
    assert held.keys() == wanted.keys()
    for identifier, row in wanted.items():
        position = held[identifier]
        assert (position.type, position.volume) == (TYPES[row["side"]], float(row["qty"]))
        assert position.price_open == pytest.approx(float(row["avg_price"]), abs=1e-9)
        reversed_by = play.orders.get(row.get("ticket_order"), identifier)
        assert position.ticket == reversed_by
    by_order = defaultdict(float)
    for _, deal in play.deals():
        by_order[deal.order] += deal.volume
    for ticket in play.orders.values():
        (order,) = mt5.history_orders_get(ticket=ticket)
        assert order.volume_initial == by_order[ticket]
