"""The calls that trade, and the package's three shorthands."""

from typing import Any

from ccxt_driver.mt5 import accounts
from ccxt_driver.mt5 import constants as c
from ccxt_driver.mt5.failures import Refused
from ccxt_driver.mt5.lists import positions_get
from ccxt_driver.mt5.quotes import seen_tick
from ccxt_driver.mt5.symbols import symbol_info_tick
from ccxt_driver.mt5.terminal import TERMINAL, answers
from ccxt_driver.mt5.trade import commands, orders, requests
from ccxt_driver.mt5.trade.orders import Outcome
from ccxt_driver.mt5.tuples import OrderCheckResult, OrderSendResult, TradeRequest

TRIES = 10
_AGAIN = (c.TRADE_RETCODE_REQUOTE, c.TRADE_RETCODE_PRICE_OFF)


@answers()
def order_send(request: Any) -> OrderSendResult:
    """Carry out a trade request; once it has left, the answer is never None."""
    read = requests.read(request)
    external = 0
    TERMINAL.requests += 1
    try:
        outcome = orders.carry_out(read)
    except Refused as refusal:
        outcome, external = Outcome(refusal.retcode, refusal.comment), refusal.external
    tick = seen_tick(outcome.symbol) if outcome.symbol else None
    return OrderSendResult(
        retcode=outcome.retcode,
        deal=outcome.deal,
        order=outcome.order,
        volume=outcome.volume,
        price=outcome.price,
        bid=tick.bid if tick else 0.0,
        ask=tick.ask if tick else 0.0,
        comment=outcome.comment,
        request_id=TERMINAL.requests,
        retcode_external=external,
        request=read,
    )


@answers()
def order_check(request: Any) -> OrderCheckResult:
    """What would come of a trade request; 0 means that it would be taken.

    ``margin`` is what is bound now and what the order would bind by its value and leverage.
    """
    read = requests.read(request)
    try:
        command = orders.command_of(read)
        effect = commands.check(command.name, command.payload) or {}
    except Refused as refusal:
        return _checked(read, refusal.retcode, refusal.comment, 0.0)
    opens = command.name == "send_order" and effect.get("notional") is not None
    adds = 0.0
    if opens and command.market is not None:
        adds = float(effect["notional"]) / accounts.leverage_of(command.market["symbol"])
    return _checked(read, 0, "Done", adds)


def _checked(read: TradeRequest, retcode: int, comment: str, adds: float) -> OrderCheckResult:
    money = accounts.money()
    equity, margin = float(money["equity"]), float(money["margin"]) + adds
    return OrderCheckResult(
        retcode=retcode,
        balance=float(money["balance"]),
        equity=equity,
        profit=float(money["profit"]),
        margin=margin,
        margin_free=float(money["free"]) - adds,
        margin_level=equity / margin * 100 if margin else 0.0,
        comment=comment,
        request=read,
    )


def Buy(  # noqa: N802 (the package's name)
    symbol: Any, volume: Any, price: Any = None, *, comment: Any = None, ticket: Any = None
) -> OrderSendResult | None:
    """Buy at the market; with ``ticket`` that position is closed or raised."""
    return _at_the_market(c.ORDER_TYPE_BUY, symbol, volume, price, comment, ticket)


def Sell(  # noqa: N802
    symbol: Any, volume: Any, price: Any = None, *, comment: Any = None, ticket: Any = None
) -> OrderSendResult | None:
    """Sell at the market; with ``ticket`` that position is closed or raised."""
    return _at_the_market(c.ORDER_TYPE_SELL, symbol, volume, price, comment, ticket)


def Close(  # noqa: N802
    symbol: Any, *, comment: Any = None, ticket: Any = None
) -> bool | str | None:
    """Close all positions of a symbol, or one: True, "Partially" or False; None if it broke off."""
    positions = positions_get(symbol=symbol) if ticket is None else positions_get(ticket=ticket)
    if positions is None:
        return None
    done = 0
    for position in positions:
        opposite = c.ORDER_TYPE_SELL if position.type == c.POSITION_TYPE_BUY else c.ORDER_TYPE_BUY
        result = _at_the_market(opposite, symbol, position.volume, None, comment, position.ticket)
        if result is None:
            return None
        done += result.retcode == c.TRADE_RETCODE_DONE
    if not done:
        return False
    return True if done == len(positions) else "Partially"


def _at_the_market(
    kind: int, symbol: Any, volume: Any, price: Any, comment: Any, ticket: Any
) -> OrderSendResult | None:
    """Send, and again with a new price where the first was too old; we never answer so."""
    request = {"action": c.TRADE_ACTION_DEAL, "type": kind, "symbol": symbol, "volume": volume,
               "price": price, "deviation": 10}  # fmt: skip
    request |= {} if comment is None else {"comment": comment}
    request |= {} if ticket is None else {"position": ticket}
    if price is not None:
        return order_send(request)
    result = None
    for _ in range(TRIES):
        tick = symbol_info_tick(symbol)
        if tick is None:
            return None
        request["price"] = tick.ask if kind == c.ORDER_TYPE_BUY else tick.bid
        result = order_send(request)
        if result is None or result.retcode not in _AGAIN:
            break
    return result
