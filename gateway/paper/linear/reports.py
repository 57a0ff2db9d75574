"""What futures tell a login on its own stream: its orders, its wallet and its positions.

Sources: https://developers.binance.com/docs/derivatives/usds-margined-futures/user-data-streams
"""

from decimal import Decimal

from gateway.paper.linear.accounts import USDT, Accounts
from gateway.paper.linear.positions import PositionSide
from gateway.paper.linear.wire import average, number
from gateway.paper.market.ground import Ground
from gateway.paper.market.market import Execution
from gateway.paper.matching.amounts import ZERO
from gateway.paper.matching.orders import Order, Trade

EXECUTION_WORDS = {Execution.REPLACED: "AMENDMENT", Execution.TRADE_PREVENTION: "EXPIRED"}


class LinearReports:
    """Builds the events of the topics ``linear:user:<login>``."""

    def __init__(self, accounts: Accounts, venue: Ground) -> None:
        self._accounts = accounts
        self._venue = venue
        self.forget()

    def forget(self) -> None:
        """The change failed: nobody was touched."""
        self._touched: dict[tuple[str, str], set[tuple[str, PositionSide]]] = {}

    def touch(self, login: str, reason: str, symbol: str, side: PositionSide) -> None:
        """A login's wallet and one of its positions changed for a reason; told at the end."""
        self._touched.setdefault((login, reason), set()).add((symbol, side))

    def accounts_changed(self) -> None:
        """``ACCOUNT_UPDATE`` of every login that was touched since the last call."""
        touched, self._touched = self._touched, {}
        for (login, reason), held in touched.items():
            topic = f"linear:user:{login}"
            if self._venue.hub.wants(topic):
                self._venue.hub.publish(topic, self._account_update(login, reason, held))

    def order(self, order: Order, execution: Execution, trade: Trade | None) -> None:
        """``ORDER_TRADE_UPDATE``."""
        topic = f"linear:user:{order.login}"
        if not self._venue.hub.wants(topic):
            return
        body = {
            "s": order.symbol,
            "c": order.client_id,
            "S": order.side,
            "o": order.kind,
            "f": order.tif,
            "q": number(order.qty),
            "p": number(order.price),
            "ap": number(average(order)),
            "sp": number(order.stop_price),
            "x": EXECUTION_WORDS.get(execution, execution),
            "X": order.status,
            "i": order.order_id,
            "l": number(trade.qty if trade else ZERO),
            "z": number(order.filled),
            "L": number(trade.price if trade else ZERO),
            "T": order.updated_ms,
            "t": trade.trade_id if trade else 0,
            "b": "0",
            "a": "0",
            "m": trade.maker if trade else False,
            "R": order.extra["reduce_only"],
            "wt": "CONTRACT_PRICE",
            "ot": order.extra["original_kind"],
            "ps": order.extra["position_side"],
            "cp": order.extra.get("close_position", False),
            "rp": number(Decimal(trade.extra["realised"]) if trade else ZERO),
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": order.self_trade,
            "pm": "NONE",
            "gtd": order.extra["good_till_ms"],
        }
        if trade is not None:
            body |= {"N": trade.fee_asset, "n": number(trade.fee)}
        event = {"e": "ORDER_TRADE_UPDATE", "E": self._venue.now_ms(), "T": order.updated_ms}
        self._venue.hub.publish(topic, event | {"o": body})

    def algo(self, algo: Order) -> None:
        """``ALGO_UPDATE`` of a conditional order."""
        topic = f"linear:user:{algo.login}"
        if not self._venue.hub.wants(topic):
            return
        extra = algo.extra
        body = {
            "caid": algo.client_id,
            "aid": algo.order_id,
            "at": "CONDITIONAL",
            "o": algo.kind,
            "s": algo.symbol,
            "S": algo.side,
            "ps": extra["position_side"],
            "f": algo.tif,
            "q": number(algo.qty),
            "X": extra["algo_status"],
            "ai": str(extra.get("order_id", "")),
            "ap": extra.get("average", "0"),
            "aq": extra.get("filled", "0"),
            "act": "0",
            "tp": number(algo.stop_price),
            "p": number(algo.price),
            "V": algo.self_trade,
            "wt": extra["working_type"],
            "pm": "NONE",
            "cp": extra["close_position"],
            "pP": False,
            "R": extra["reduce_only"],
            "tt": extra.get("triggered_ms", 0),
            "gtd": extra["good_till_ms"],
            "rm": extra.get("reason", ""),
        }
        event = {"e": "ALGO_UPDATE", "T": algo.updated_ms, "E": self._venue.now_ms(), "o": body}
        self._venue.hub.publish(topic, event)

    def leverage(self, login: str, symbol: str, leverage: int) -> None:
        """``ACCOUNT_CONFIG_UPDATE``: another leverage for a symbol."""
        now_ms = self._venue.now_ms()
        event = {"e": "ACCOUNT_CONFIG_UPDATE", "E": now_ms, "T": now_ms}
        self._venue.hub.publish(
            f"linear:user:{login}", event | {"ac": {"s": symbol, "l": leverage}}
        )

    def _account_update(self, login: str, reason: str, held: set[tuple[str, PositionSide]]) -> dict:
        now_ms = self._venue.now_ms()
        wallet = number(self._accounts.wallet(login))
        rows = [self._position(login, symbol, side) for symbol, side in sorted(held)]
        balance = {"a": USDT, "wb": wallet, "cw": wallet, "bc": "0"}
        body = {"m": reason, "B": [balance], "P": rows}
        return {"e": "ACCOUNT_UPDATE", "E": now_ms, "T": now_ms, "a": body}

    def _position(self, login: str, symbol: str, side: PositionSide) -> dict:
        position = self._accounts.position(login, symbol, side)
        return {
            "s": symbol,
            "pa": number(position.qty),
            "ep": number(position.entry),
            "bep": number(position.entry),
            "cr": number(position.realised),
            "up": number(position.profit(self._accounts.mark(symbol))),
            "mt": "cross",
            "iw": "0",
            "ps": side,
            "ma": USDT,
        }
