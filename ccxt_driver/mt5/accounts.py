"""What is the account worth, and what is it connected to?"""

import os
from decimal import Decimal
from typing import Any

from ccxt.base.errors import BaseError

from ccxt_driver.errors import code_of
from ccxt_driver.mt5 import constants as c
from ccxt_driver.mt5 import markets
from ccxt_driver.mt5.arguments import decimal, whole
from ccxt_driver.mt5.failures import invalid
from ccxt_driver.mt5.lists import open_positions
from ccxt_driver.mt5.markets import contract_size, is_spot, market_of
from ccxt_driver.mt5.quotes import last_prices
from ccxt_driver.mt5.rows import Row
from ccxt_driver.mt5.terminal import TERMINAL, answers
from ccxt_driver.mt5.tuples import AccountInfo, TerminalInfo

BUILD = 6231  # Of the package whose calls these are.
RELEASED = "16 Sep 2026"
VERSION = "5.0.6231"
_LEVERAGES = "leverages"


@answers()
def account_info() -> AccountInfo:
    """Balance, equity and margin now: one question for the money, one for the positions."""
    account = TERMINAL.refresh()
    money = _money()
    risk = account["risk"]
    trades = "can_trade" in account["rights"] and account["status"] == "active"
    return AccountInfo(
        login=account["id"],
        trade_mode=_trade_mode(account),
        leverage=_leverage(),
        limit_orders=0,
        margin_so_mode=c.ACCOUNT_STOPOUT_MODE_PERCENT,
        trade_allowed=trades and not risk["killed"],
        trade_expert=trades,
        margin_mode=(
            c.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING
            if TERMINAL.is_hedge
            else c.ACCOUNT_MARGIN_MODE_RETAIL_NETTING
        ),
        currency_digits=2,
        fifo_close=False,
        balance=float(money["balance"]),
        credit=0.0,
        profit=float(money["profit"]),
        equity=float(money["equity"]),
        margin=float(money["margin"]),
        margin_free=float(money["free"]),
        margin_level=_level(money),
        margin_so_call=0.0,
        margin_so_so=0.0,
        margin_initial=0.0,
        margin_maintenance=0.0,
        assets=0.0,
        liabilities=0.0,
        commission_blocked=0.0,
        name=account["label"],
        server=TERMINAL.oms.oms.base_url,
        currency=money["currency"],
        company=account["exchange_id"].partition(".")[2],
    )


@answers()
def terminal_info() -> TerminalInfo:
    """What of a terminal there is: the connection, and whether it may trade."""
    account = TERMINAL.refresh()
    folder = os.getcwd()
    return TerminalInfo(
        community_account=False,
        community_connection=False,
        connected=True,
        dlls_allowed=False,
        trade_allowed="can_trade" in account["rights"] and not account["risk"]["killed"],
        tradeapi_disabled=False,
        email_enabled=False,
        ftp_enabled=False,
        notifications_enabled=False,
        mqid=False,
        build=BUILD,
        maxbars=100_000,
        codepage=0,
        ping_last=TERMINAL.ping_us,
        community_balance=0.0,
        retransmission=0.0,
        company=account["exchange_id"].partition(".")[2],
        name="ccxt-position",
        language="English",
        path=folder,
        data_path=folder,
        commondata_path=folder,
    )


@answers()
def version() -> tuple[int, int, str]:
    """Version, build and date of the package whose calls these are."""
    return (500, BUILD, RELEASED)


@answers()
def order_calc_margin(action: Any, symbol: Any, volume: Any, price: Any) -> float:
    """What an order would bind: its value on spot, its value by leverage elsewhere."""
    _check_side(action)
    market = market_of(symbol)
    worth = _worth(market, decimal(volume, "volume"), decimal(price, "price"))
    return float(worth / leverage_of(market["symbol"]))


@answers()
def order_calc_profit(
    action: Any, symbol: Any, volume: Any, price_open: Any, price_close: Any
) -> float:
    """What a trade from one price to the other would bring, before fees."""
    sign = 1 if _check_side(action) == c.ORDER_TYPE_BUY else -1
    market, lots = market_of(symbol), decimal(volume, "volume")
    opened, closed = decimal(price_open, "price_open"), decimal(price_close, "price_close")
    if market.get("inverse"):
        if not opened or not closed:
            raise invalid("price_open" if not opened else "price_close")
        return float(sign * lots * contract_size(market) * (1 / opened - 1 / closed))
    return float(sign * lots * contract_size(market) * (closed - opened))


def leverage_of(symbol: str) -> int:
    """The leverage that is set at the exchange; 1 on spot, and where it is not told."""
    market = markets.known(symbol)
    if market is None or is_spot(market):
        return 1
    kept = TERMINAL.memory.setdefault(_LEVERAGES, {})
    if symbol not in kept:
        try:
            told = TERMINAL.call("fetchLeverages", [symbol]).get(symbol) or {}
        except BaseError as error:
            if code_of(error) is None:
                raise
            told = {}
        kept[symbol] = int(told.get("longLeverage") or told.get("shortLeverage") or 1)
    return kept[symbol]


def money() -> Row:
    """``balance``, ``profit``, ``equity``, ``margin``, ``free`` as decimals, and ``currency``."""
    return _money()


def _money() -> Row:
    found = TERMINAL.call("fetchBalance")
    positions = open_positions()
    floating = sum((Decimal(row["floating_profit"] or 0) for row in positions), Decimal(0))
    currency = _currency(positions)
    own = found.get(currency) or {}
    free, total = (_exact(own.get(name)) for name in ("free", "total"))
    if _on_spot():
        equity = _worth_of_coins(found, currency)
        bound = sum(
            (Decimal(row["qty"]) * Decimal(row["avg_price"])
             for row in positions if row["side"] == "buy"),
            Decimal(0),
        )  # fmt: skip
        return {"balance": equity - floating, "profit": floating, "equity": equity,
                "margin": bound, "free": free, "currency": currency}  # fmt: skip
    return {"balance": total, "profit": floating, "equity": total + floating,
            "margin": _exact(own.get("used")), "free": free, "currency": currency}  # fmt: skip


def _worth_of_coins(balance: Row, currency: str) -> Decimal:
    """All that is held at last prices; a coin without a market to ``currency`` counts nothing."""
    held = {code: _exact(amount) for code, amount in (balance.get("total") or {}).items() if amount}
    pairs = {f"{code}/{currency}" for code in held if code != currency}
    prices = last_prices({pair for pair in pairs if markets.known(pair) is not None})
    total = held.get(currency, Decimal(0))
    for code, amount in held.items():
        if (price := prices.get(f"{code}/{currency}")) is not None:
            total += amount * markets.decimal(price)
    return total


def _currency(positions: list[Row]) -> str:
    """Named by the environment, else what most positions, or markets, are counted in."""
    named = os.environ.get("OMS_CURRENCY")
    if named:
        return named
    known = [markets.known(row["symbol"]) for row in positions]
    counted = [one for one in known if one is not None] or markets.all_markets()
    currencies = [markets.profit_currency(market) for market in counted]
    return max(sorted(set(currencies)), key=currencies.count, default="USDT")


def _on_spot() -> bool:
    found = markets.all_markets()
    return not found or sum(map(is_spot, found)) * 2 > len(found)


def _leverage() -> int:
    symbols = {row["symbol"] for row in open_positions()} or {
        market["symbol"] for market in markets.all_markets()[:1]
    }
    return max((leverage_of(symbol) for symbol in symbols), default=1)


def _level(money: Row) -> float:
    return float(money["equity"] / money["margin"] * 100) if money["margin"] else 0.0


def _trade_mode(account: Row) -> int:
    plays = account["is_testnet"] or account["rebased_to"]
    return c.ACCOUNT_TRADE_MODE_DEMO if plays else c.ACCOUNT_TRADE_MODE_REAL


def _check_side(action: Any) -> int:
    side = whole(action, "action")
    if side not in (c.ORDER_TYPE_BUY, c.ORDER_TYPE_SELL):
        raise invalid("action")
    return side


def _worth(market: markets.Market, volume: Decimal, price: Decimal) -> Decimal:
    if not market.get("inverse"):
        return volume * contract_size(market) * price
    if not price:
        raise invalid("price")
    return volume * contract_size(market) / price


def _exact(value: Any) -> Decimal:
    return Decimal(0) if value is None else markets.decimal(value)
