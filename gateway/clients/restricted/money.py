"""What does a restricted key see of the balance?

Quote and settle money is the account's; coins are what its own positions hold and its own open
sells have promised. ``info`` is left out: in it the exchange says everything.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from positions.engine.money import ZERO, exact, plain
from positions.engine.types import Side
from positions.models import Order, Position

Balance = dict[str, Any]
_PARTS = ("free", "used", "total")
_TIMES = ("timestamp", "datetime")


@exact
def told(
    account_id: int,
    visible: frozenset[int],
    balance: Mapping[str, Any],
    markets: Mapping[str, Mapping[str, Any]],
) -> Balance:
    """``balance``, ccxt's structure, as a key sees it that is restricted to ``visible``.

    A currency that is money in one market and a coin in another (BTC in ETH/BTC and BTC/USDT) is
    a coin once somebody holds it as a position, unless the key's own strategies trade with it.
    """
    own = _of_strategies(account_id, visible)
    coins = _coins(own)
    held = {_base(position.symbol) for position in _spot(Position, account_id)}
    spends = {_quote(row.symbol) for row in own}
    money = {market[side] for market in markets.values() for side in ("quote", "settle")
             if market.get(side)} - (held - spends)  # fmt: skip
    found: Balance = {name: balance.get(name) for name in _TIMES}
    amounts = coins | {code: _amounts(balance, code) for code in money if code in balance}
    for part in _PARTS:
        found[part] = {code: amounts[code][part] for code in sorted(amounts)}
    return found | {code: amounts[code] for code in sorted(amounts)}


def _of_strategies(account_id: int, visible: frozenset[int]) -> list[Position | Order]:
    found: list[Position | Order] = []
    for model in (Position, Order):
        found += _spot(model, account_id, strategy_id__in=visible)
    return found


def _spot(
    model: type[Position] | type[Order], account_id: int, **where: Any
) -> list[Position | Order]:
    rows = model.objects.open().filter(account_id=account_id, **where)
    return [row for row in rows if ":" not in row.symbol]


def _coins(own: list[Position | Order]) -> dict[str, Balance]:
    total: dict[str, Decimal] = {}
    used: dict[str, Decimal] = {}
    for row in own:
        base = _base(row.symbol)
        if isinstance(row, Position):
            total[base] = total.get(base, ZERO) + Side(row.side).sign * row.qty
        elif row.side == Side.SELL:
            used[base] = used.get(base, ZERO) + row.qty - row.filled_qty
    return {base: _coin(total.get(base, ZERO), used.get(base, ZERO)) for base in total | used}


def _coin(total: Decimal, used: Decimal) -> Balance:
    total = max(total, ZERO)  # Short against another strategy: nothing to sell.
    used = min(used, total)
    return {"free": plain(total - used), "used": plain(used), "total": plain(total)}


def _amounts(balance: Mapping[str, Any], code: str) -> Balance:
    return {part: balance[code].get(part) for part in _PARTS}


def _base(symbol: str) -> str:
    return symbol.partition("/")[0]


def _quote(symbol: str) -> str:
    return symbol.partition("/")[2]
