"""Which position is a request about, and does its volume mean all of it?

A position is named by its ticket, by its identifier, or by any order that was booked to it, since
scripts name it by the order they sent.
"""

from decimal import Decimal

from ccxt_driver.mt5 import constants as c
from ccxt_driver.mt5 import markets
from ccxt_driver.mt5.failures import Refused
from ccxt_driver.mt5.lists import open_positions
from ccxt_driver.mt5.markets import Market, is_spot, step_of
from ccxt_driver.mt5.rows import Row
from ccxt_driver.mt5.terminal import TERMINAL


def position_of(ticket: int) -> Row:
    """The open position.

    Raises:
        Refused: there is none.
    """
    found = open_positions()
    for name in ("ticket", "opening_order_id"):
        for row in found:
            if row[name] == ticket:
                return row
    if not TERMINAL.is_hedge:
        for order in TERMINAL.by_ids("orders", [ticket]):
            for row in found:
                if row["id"] == order["position_id"]:
                    return row
    raise Refused(c.TRADE_RETCODE_POSITION_CLOSED, f"there is no open position {ticket}")


def netted_into(market: Market, strategy_id: int) -> Row | None:
    """The position that a new order would net into; None in hedging."""
    if TERMINAL.is_hedge:
        return None
    by_strategy = TERMINAL.account["position_mode"] == "strategy_netting"
    for row in open_positions(market["symbol"]):
        mine = row["strategy_id"] == strategy_id or not by_strategy
        # Until somebody takes it over, an external order has a position to itself.
        if mine and (row["reason"] != "external" or row["strategy_id"]):
            return row
    return None


def means_all(row: Row, market: Market, volume: Decimal) -> bool:
    """Whether a script that closes so much of a position means all of it.

    On spot a fee in the coin makes a position smaller than what was bought: a script closes what it
    bought, or the position's volume, or that cut to a step.
    """
    held = Decimal(row["qty"])
    step = step_of(market, "amount") or Decimal(0)
    if volume == held or abs(volume - held) < step:
        return True
    fee = Decimal((row["fees_by_currency"] or {}).get(market["base"], 0)) if is_spot(market) else 0
    return held < volume <= held + max(fee, step)


def part_of(row: Row, market: Market, volume: Decimal) -> Decimal | None:
    """How much of a position a close asks for; None for all of it.

    Raises:
        Refused: it asks for more, or for what is no multiple of the step.
    """
    if means_all(row, market, volume):
        return None
    if volume > Decimal(row["qty"]):
        raise Refused(
            c.TRADE_RETCODE_INVALID_CLOSE_VOLUME,
            f"volume {volume} is above the position's {row['qty']}",
        )
    return markets.volume_of(market, volume)
