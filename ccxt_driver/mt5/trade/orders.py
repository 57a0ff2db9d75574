"""How is a trade request carried out?

``order_send`` first becomes a command of the OMS (``command_of``), which ``order_check`` shares;
then it is given, and what became of it is told in the package's words.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ccxt.base.errors import BaseError

from ccxt_driver.mt5 import constants as c
from ccxt_driver.mt5 import markets, rows
from ccxt_driver.mt5.failures import Refused
from ccxt_driver.mt5.markets import Market, market_of, price_text, text
from ccxt_driver.mt5.quotes import tick_of
from ccxt_driver.mt5.rows import Row
from ccxt_driver.mt5.strategies import strategy_of
from ccxt_driver.mt5.terminal import TERMINAL
from ccxt_driver.mt5.trade import commands, retcodes
from ccxt_driver.mt5.trade.targets import means_all, netted_into, part_of, position_of
from ccxt_driver.mt5.tuples import TradeRequest

BUYS = (c.ORDER_TYPE_BUY, c.ORDER_TYPE_BUY_LIMIT, c.ORDER_TYPE_BUY_STOP,
        c.ORDER_TYPE_BUY_STOP_LIMIT)  # fmt: skip
KINDS = {
    c.ORDER_TYPE_BUY_LIMIT: "limit",
    c.ORDER_TYPE_SELL_LIMIT: "limit",
    c.ORDER_TYPE_BUY_STOP: "stop",
    c.ORDER_TYPE_SELL_STOP: "stop",
    c.ORDER_TYPE_BUY_STOP_LIMIT: "stop_limit",
    c.ORDER_TYPE_SELL_STOP_LIMIT: "stop_limit",
}
AT_ONCE = {c.ORDER_FILLING_FOK: "FOK", c.ORDER_FILLING_IOC: "IOC"}


@dataclass(frozen=True)
class Command:
    """A command of the OMS; ``market`` is what it is about."""

    name: str
    payload: Row
    market: Market | None = None


@dataclass(frozen=True)
class Outcome:
    """What is told of a request."""

    retcode: int
    comment: str = "Request executed"
    order: int = 0
    deal: int = 0
    volume: float = 0.0
    price: float = 0.0
    symbol: str | None = None


def command_of(request: TradeRequest) -> Command:
    """The command that a request asks for.

    Raises:
        Refused: it contradicts itself, the market or the position.
    """
    make = ACTIONS.get(request.action)
    if make is None:
        raise Refused(c.TRADE_RETCODE_INVALID, f"action {request.action} is unknown")
    return make(request)


def carry_out(request: TradeRequest) -> Outcome:
    """Give the command of a request, and say what became of it.

    Raises:
        Refused: see ``command_of``; or the OMS or the exchange said no.
    """
    command = command_of(request)
    answered = commands.give(command.name, command.payload)
    symbol = command.market["symbol"] if command.market else None
    if answered.result is None:
        code, comment = commands.NEVER_HEARD
        return Outcome(code, comment, order=request.order, symbol=symbol)
    order = answered.order
    if order is None:  # Nothing was sent to the exchange: stops, a close-by, a rest written off.
        return _without_order(request, answered.result, symbol)
    if command.name in ("cancel_order", "change_order"):
        return Outcome(_of_change(answered.result), order=order["id"], volume=request.volume,
                       price=request.price, symbol=order["symbol"])  # fmt: skip
    return _of_order(order, answered.payload)


def _of_order(order: Row, payload: Row) -> Outcome:
    retcode = retcodes.of_ended(order, order["qty"])
    filled = float(order["filled_qty"])
    comment = COMMENTS.get(retcode, "Request executed")
    return Outcome(
        retcode,
        order["note"] if retcode not in COMMENTS and order["note"] else comment,
        order=order["id"],
        deal=commands.newest_deal(order_id=order["id"]) if filled else 0,
        volume=filled or float(order["qty"]),
        price=rows.number(order["avg_fill_price"] or order["trigger_price"] or order["price"]),
        symbol=order["symbol"],
    )


COMMENTS = {
    c.TRADE_RETCODE_DONE: "Request executed",
    c.TRADE_RETCODE_DONE_PARTIAL: "Request executed partially",
    c.TRADE_RETCODE_PLACED: "Order placed",
    c.TRADE_RETCODE_TIMEOUT: "The exchange has not said yet whether it has the order.",
}


def _of_change(result: Row) -> int:
    if result["status"] == "completed":
        return c.TRADE_RETCODE_DONE
    return c.TRADE_RETCODE_PLACED if result["status"] == "accepted" else c.TRADE_RETCODE_TIMEOUT


def _without_order(request: TradeRequest, result: Row, symbol: str | None) -> Outcome:
    deal = 0
    if request.action != c.TRADE_ACTION_SLTP and result["position_ids"]:
        deal = commands.newest_deal(position_id=result["position_ids"][0])
    return Outcome(_of_change(result), deal=deal, volume=request.volume, symbol=symbol)


# --- DEAL ------------------------------------------------------------------------------------


def _deal(request: TradeRequest) -> Command:
    if request.type not in (c.ORDER_TYPE_BUY, c.ORDER_TYPE_SELL):
        raise Refused(c.TRADE_RETCODE_INVALID_ORDER, f"type {request.type} is not executed at once")
    market = _market(request)
    volume, side = _volume(request), _side(request)
    if request.position:
        row = position_of(request.position)
        if row["symbol"] != market["symbol"]:
            raise Refused(c.TRADE_RETCODE_INVALID, f"position {request.position} is of "
                          f"{markets.name_of(row['symbol'])}")  # fmt: skip
        if row["side"] != side:
            return _close(row, market, part_of(row, market, volume), request)
        if TERMINAL.is_hedge:
            raise Refused(c.TRADE_RETCODE_INVALID, "a position is closed by the opposite type")
        return _open(request, market, volume, row["strategy_id"])
    strategy_id = strategy_of(request.magic)
    row = netted_into(market, strategy_id)
    if row is not None and row["side"] != side and _is_the_rest(row, market, volume):
        return _close(row, market, None, request)
    return _open(request, market, volume, strategy_id)


def _is_the_rest(row: Row, market: Market, volume: Decimal) -> bool:
    """A position of an odd size, which an opposite order alone could not close to the end."""
    if not markets.is_spot(market) or not means_all(row, market, volume):
        return False
    step = markets.step_of(market, "amount")
    return volume > Decimal(row["qty"]) or bool(step and Decimal(row["qty"]) % step)


def _open(request: TradeRequest, market: Market, volume: Decimal, strategy_id: int) -> Command:
    payload = {
        "symbol": market["symbol"],
        "side": _side(request),
        "order_type": "market",
        "qty": text(markets.volume_of(market, volume)),
        "strategy_id": strategy_id,
        **_stops(request, market),
        **_comment(request),
    }
    return Command("send_order", payload, market)


def _close(row: Row, market: Market, part: Decimal | None, request: TradeRequest) -> Command:
    payload = {"position_id": row["id"], **_comment(request)}
    if part is not None:
        payload["qty"] = text(part)
    return Command("close_position", payload, market)


# --- PENDING ---------------------------------------------------------------------------------


def _pending(request: TradeRequest) -> Command:
    kind = KINDS.get(request.type)
    if kind is None:
        raise Refused(c.TRADE_RETCODE_INVALID_ORDER, f"type {request.type} does not wait")
    market = _market(request)
    payload: Row = {
        "symbol": market["symbol"],
        "side": _side(request),
        "order_type": kind,
        "qty": text(markets.volume_of(market, _volume(request))),
        "strategy_id": strategy_of(request.magic),
        **_prices(request, market, kind),
        **_stops(request, market),
        **_comment(request),
    }
    expires_at = _expiry(request)
    if expires_at is not None:
        payload |= {"expires_at": expires_at, "time_in_force": "GTD"}
    elif request.type_filling == c.ORDER_FILLING_BOC:
        payload["post_only"] = True
    elif request.type_filling in AT_ONCE and _fills_at_once(request, market, kind):
        payload["time_in_force"] = AT_ONCE[request.type_filling]
    return Command("send_order", payload, market)


def _prices(request: TradeRequest, market: Market, kind: str) -> Row:
    price = _price(market, request.price, "price")
    if kind == "limit":
        return {"price": price}
    if kind == "stop":
        return {"trigger_price": price}
    return {"trigger_price": price, "price": _price(market, request.stoplimit, "stoplimit")}


def _fills_at_once(request: TradeRequest, market: Market, kind: str) -> bool:
    """FOK and IOC speak of the moment in which an order is reached: until then it waits.

    An exchange would cancel one that it does not reach at once; so only what would be executed now,
    or has a trigger before it, carries them to the exchange.
    """
    if kind != "limit":
        return kind == "stop_limit"
    tick = tick_of(market)
    if request.type == c.ORDER_TYPE_BUY_LIMIT:
        return bool(tick.ask) and request.price >= tick.ask
    return bool(tick.bid) and request.price <= tick.bid


def _expiry(request: TradeRequest) -> str | None:
    now = datetime.now(UTC)
    if request.type_time == c.ORDER_TIME_GTC:
        return None
    if request.type_time == c.ORDER_TIME_DAY:
        moment = now
    elif request.type_time in (c.ORDER_TIME_SPECIFIED, c.ORDER_TIME_SPECIFIED_DAY):
        if not request.expiration:
            raise Refused(c.TRADE_RETCODE_INVALID_EXPIRATION, "expiration is missing")
        try:
            moment = datetime.fromtimestamp(request.expiration, UTC)
        except (OverflowError, ValueError, OSError):
            raise Refused(
                c.TRADE_RETCODE_INVALID_EXPIRATION, f"expiration {request.expiration} is no time"
            ) from None
    else:
        raise Refused(
            c.TRADE_RETCODE_INVALID_EXPIRATION, f"type_time {request.type_time} is unknown"
        )
    if request.type_time != c.ORDER_TIME_SPECIFIED:  # Until the end of that day.
        moment = moment.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# --- what exists already ---------------------------------------------------------------------


def _sltp(request: TradeRequest) -> Command:
    if request.position:
        row = position_of(request.position)
    else:
        row = netted_into(_market(request), strategy_of(request.magic))
        if row is None:
            raise Refused(c.TRADE_RETCODE_POSITION_CLOSED, f"no open position of {request.symbol}")
    market = market_of_row(row)
    wanted = {
        "stop_loss": _stop(market, request.sl, "sl"),
        "stop_gain": _stop(market, request.tp, "tp"),
    }
    if all(_same(row[name], value) for name, value in wanted.items()):
        raise Refused(c.TRADE_RETCODE_NO_CHANGES, "No changes")
    return Command("position_change", {"position_id": row["id"], **wanted}, market)


def _modify(request: TradeRequest) -> Command:
    row = _order(request)
    market = market_of_row(row)
    for name, stop in (("sl", row["stop_loss"]), ("tp", row["stop_gain"])):
        wanted = getattr(request, name)
        if wanted and not _same(stop, _stop(market, wanted, name)):
            raise Refused(
                c.TRADE_RETCODE_INVALID, f"{name} of an order that waits cannot be changed"
            )
    wanted = {}
    if request.price:
        price = _price(market, request.price, "price")
        wanted["new_price" if row["trigger_price"] is None else "new_trigger_price"] = price
    if request.stoplimit and row["trigger_price"] is not None and row["price"] is not None:
        wanted["new_price"] = _price(market, request.stoplimit, "stoplimit")
    now = {"new_price": row["price"], "new_trigger_price": row["trigger_price"]}
    changes = {name: value for name, value in wanted.items() if not _same(now[name], value)}
    if not changes:
        raise Refused(c.TRADE_RETCODE_NO_CHANGES, "No changes")
    return Command("change_order", {"order_id": row["id"], **changes}, market)


def _remove(request: TradeRequest) -> Command:
    if not request.order:
        raise Refused(c.TRADE_RETCODE_INVALID, "order is missing")
    return Command("cancel_order", {"order_id": request.order})


def _close_by(request: TradeRequest) -> Command:
    one, other = position_of(request.position), position_of(request.position_by)
    payload = {"position_id_a": one["id"], "position_id_b": other["id"], **_comment(request)}
    return Command("close_by", payload, market_of_row(one))


ACTIONS = {
    c.TRADE_ACTION_DEAL: _deal,
    c.TRADE_ACTION_PENDING: _pending,
    c.TRADE_ACTION_SLTP: _sltp,
    c.TRADE_ACTION_MODIFY: _modify,
    c.TRADE_ACTION_REMOVE: _remove,
    c.TRADE_ACTION_CLOSE_BY: _close_by,
}


# --- fields ----------------------------------------------------------------------------------


def market_of_row(row: Row) -> Market:
    """The market of an order or a position.

    Raises:
        Refused: it is gone from the exchange.
    """
    market = markets.known(row["symbol"])
    if market is None:
        raise Refused(c.TRADE_RETCODE_INVALID, f"the exchange has no market {row['symbol']}")
    return market


def _market(request: TradeRequest) -> Market:
    if not markets.is_known(request.symbol):
        raise Refused(c.TRADE_RETCODE_INVALID, f"symbol {request.symbol or '(none)'} is unknown")
    return market_of(request.symbol)


def _order(request: TradeRequest) -> Row:
    found = TERMINAL.by_ids("orders", [request.order]) if request.order else []
    if not found:
        raise Refused(c.TRADE_RETCODE_INVALID, f"there is no order {request.order}")
    return found[0]


def _side(request: TradeRequest) -> str:
    return "buy" if request.type in BUYS else "sell"


def _volume(request: TradeRequest) -> Decimal:
    volume = markets.decimal(request.volume)
    if volume <= 0:
        raise Refused(c.TRADE_RETCODE_INVALID_VOLUME, f"volume {volume} is not above 0")
    return volume


def _price(market: Market, value: float, name: str) -> str:
    if value <= 0:
        raise Refused(c.TRADE_RETCODE_INVALID_PRICE, f"{name} {value} is not above 0")
    return _rounded(market, value, c.TRADE_RETCODE_INVALID_PRICE)


def _rounded(market: Market, value: float, retcode: int) -> str:
    try:
        return price_text(market, markets.decimal(value))
    except BaseError as error:  # Nothing is left of it.
        raise Refused(retcode, str(error)) from error


def _stop(market: Market, value: float, name: str) -> str | None:
    """A stop of a position; 0 is none."""
    if value < 0:
        raise Refused(c.TRADE_RETCODE_INVALID_STOPS, f"{name} {value} is below 0")
    return _rounded(market, value, c.TRADE_RETCODE_INVALID_STOPS) if value else None


def _stops(request: TradeRequest, market: Market) -> Row:
    found = {
        "stop_loss": _stop(market, request.sl, "sl"),
        "stop_gain": _stop(market, request.tp, "tp"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _comment(request: TradeRequest) -> dict[str, Any]:
    return {"comment": request.comment} if request.comment else {}


def _same(now: str | None, wanted: str | None) -> bool:
    if now is None or wanted is None:
        return now is wanted
    return Decimal(now) == Decimal(wanted)
