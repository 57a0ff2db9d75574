"""What spot says on its streams: market data to whoever listens, reports to the login itself.

Sources: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams and
https://developers.binance.com/docs/binance-spot-api-docs/user-data-stream
"""

from gateway.paper.logins import Balance
from gateway.paper.market.market import Execution
from gateway.paper.market.public import levels_json
from gateway.paper.market.streams import MarketStreams
from gateway.paper.matching.amounts import ZERO, fixed
from gateway.paper.matching.book import Book, Side
from gateway.paper.matching.depth import BookChange
from gateway.paper.matching.orders import Order, Trade

DIFF_STREAMS = ("depth", "depth@100ms")
TOP_STREAMS = {
    f"depth{levels}{speed}": levels for levels in (5, 10, 20) for speed in ("", "@100ms")
}


class SpotStreams(MarketStreams):
    """Builds spot's events."""

    prefix = "spot"
    diff_streams = DIFF_STREAMS
    top_streams = TOP_STREAMS
    in_both = {"M": True}

    # To the login.

    def execution(self, order: Order, execution: Execution, trade: Trade | None) -> None:
        """``executionReport``."""
        topic = f"spot:user:{order.login}"
        if not self._hub.wants(topic):
            return
        cancel_id = order.extra.get("cancel_client_id")
        cancelled = execution is Execution.CANCELED and cancel_id
        event = {
            "e": "executionReport",
            "E": self._venue.now_ms(),
            "s": order.symbol,
            "c": cancel_id if cancelled else order.client_id,
            "S": order.side,
            "o": order.kind,
            "f": order.tif,
            "q": fixed(order.qty),
            "p": fixed(order.price),
            "P": fixed(order.stop_price),
            "F": "0.00000000",
            "g": order.extra.get("list_id", -1),
            "C": order.client_id if cancelled else "",
            "x": execution,
            "X": order.status,
            "r": "NONE",
            "i": order.order_id,
            "l": fixed(trade.qty if trade else ZERO),
            "z": fixed(order.filled),
            "L": fixed(trade.price if trade else ZERO),
            "n": fixed(trade.fee) if trade else "0",
            "N": trade.fee_asset if trade else None,
            "T": order.updated_ms,
            "t": trade.trade_id if trade else -1,
            "I": self._market.store.next_id("spot:execution"),
            "w": order.working and order.open,
            "m": trade.maker if trade else False,
            "M": False,
            "O": order.created_ms,
            "Z": fixed(order.cost),
            "Y": fixed(trade.cost if trade else ZERO),
            "Q": fixed(order.budget),
            "W": order.working_ms,
            "V": order.self_trade,
        }
        self._hub.publish(topic, event)

    def account(self, login: str, balances: dict[str, Balance], assets: set[str]) -> None:
        """``outboundAccountPosition``: the balances that a change touched."""
        topic = f"spot:user:{login}"
        if not self._hub.wants(topic):
            return
        now_ms = self._venue.now_ms()
        rows = [
            {"a": name, "f": fixed(balances[name].free), "l": fixed(balances[name].locked)}
            for name in sorted(assets)
        ]
        self._hub.publish(
            topic, {"e": "outboundAccountPosition", "E": now_ms, "u": now_ms, "B": rows}
        )

    def list_status(self, list_id: int | str, row: dict) -> None:
        """``listStatus`` of an order list."""
        now_ms = self._venue.now_ms()
        orders = [{"s": row["symbol"], "i": order, "c": client} for order, client in row["orders"]]
        event = {
            "e": "listStatus",
            "E": now_ms,
            "s": row["symbol"],
            "g": int(list_id),
            "c": "OCO",
            "l": "ALL_DONE" if row["done"] else "EXEC_STARTED",
            "L": "ALL_DONE" if row["done"] else "EXECUTING",
            "r": "NONE",
            "C": row["client_id"],
            "T": now_ms,
            "O": orders,
        }
        self._hub.publish(f"spot:user:{row['login']}", event)

    # To the public.

    def stepped(self) -> None:
        """Tickers, once per step."""
        everybody: list[dict] = []
        wants_all = [
            name for name in ("!miniTicker@arr", "!ticker@arr") if self._hub.wants(f"spot:{name}")
        ]
        for symbol in self._market.books:
            wanted = [w for w in ("miniTicker", "ticker") if self._wants(symbol, w)]
            if not wanted and not wants_all:
                continue
            full = self._ticker(symbol)
            everybody.append(full)
            for what in wanted:
                self._tell(symbol, what, full if what == "ticker" else _mini(full))
        for name in wants_all:
            rows = everybody if name == "!ticker@arr" else [_mini(row) for row in everybody]
            self._hub.publish(f"spot:{name}", rows)

    def _diff(self, symbol: str, change: BookChange) -> dict:
        return {
            "e": "depthUpdate",
            "E": self._venue.now_ms(),
            "s": symbol,
            "U": change.first_id,
            "u": change.last_id,
            "b": levels_json(change.bids),
            "a": levels_json(change.asks),
        }

    def _top(self, symbol: str, book: Book, levels: int) -> dict:
        return {
            "lastUpdateId": book.update_id,
            "bids": levels_json(book.depth(Side.BUY, levels)),
            "asks": levels_json(book.depth(Side.SELL, levels)),
        }

    def _best(self, symbol: str, book: Book, prices: dict[str, str]) -> dict:
        return {"u": book.update_id, "s": symbol} | prices

    def _ticker(self, symbol: str) -> dict:
        now_ms = self._venue.now_ms()
        day = self._market.candles.day(symbol, now_ms)
        tape, book = self._market.tape[symbol], self._market.books[symbol]
        last_id = tape[-1].trade_id if tape else -1
        bid, ask = (book.best(side) or (ZERO, ZERO) for side in Side)
        return {
            "e": "24hrTicker",
            "E": now_ms,
            "s": symbol,
            "p": fixed(day.close - day.open),
            "P": f"{(day.close - day.open) * 100 / day.open:.3f}",
            "w": fixed(day.turnover / day.volume if day.volume else day.close),
            "x": fixed(day.open),
            "c": fixed(day.close),
            "Q": fixed(tape[-1].qty if tape else ZERO),
            "b": fixed(bid[0]),
            "B": fixed(bid[1]),
            "a": fixed(ask[0]),
            "A": fixed(ask[1]),
            "o": fixed(day.open),
            "h": fixed(day.high),
            "l": fixed(day.low),
            "v": fixed(day.volume),
            "q": fixed(day.turnover),
            "O": now_ms - 86_400_000,
            "C": now_ms,
            "F": max(last_id - day.trades + 1, -1),
            "L": last_id,
            "n": day.trades,
        }


def _mini(full: dict) -> dict:
    return {"e": "24hrMiniTicker"} | {name: full[name] for name in "Escohlvq"}
