"""What does a restricted key see as the account's positions?

Its own of the OMS, in ccxt's shape. The exchange shows one net for everybody, so it is not asked.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from positions.engine.money import exact, plain
from positions.engine.types import Side
from positions.models import Position
from positions.selectors import marked_rows

Structure = dict[str, Any]
_LONG = {Side.BUY: "long", Side.SELL: "short"}


def told(
    account_id: int,
    visible: frozenset[int],
    symbols: Iterable[str] | None,
    markets: Mapping[str, Mapping[str, Any]],
) -> list[Structure]:
    """Open positions of the ``visible`` strategies, oldest first; of all symbols where ``None``."""
    rows = Position.objects.open().filter(account_id=account_id, strategy_id__in=visible)
    if symbols is not None:
        rows = rows.filter(symbol__in=list(symbols))
    marked = marked_rows(rows.order_by("id"))
    return [_structure(row, markets.get(row["symbol"]) or {}) for row in marked]


def none_of(symbol: str) -> Structure:
    """What stands for a symbol without a position."""
    return {"symbol": symbol, "contracts": "0", "side": None, "entryPrice": None}


@exact
def _structure(row: Mapping[str, Any], market: Mapping[str, Any]) -> Structure:
    size = Decimal(str(market.get("contractSize") or 1))
    price = row["mark_price"] or row["avg_price"]
    notional = None if price is None else plain(Decimal(row["qty"]) * size * Decimal(price))
    opened = datetime.fromisoformat(row["opened_at"])
    return {
        "id": str(row["id"]),
        "symbol": row["symbol"],
        "timestamp": int(opened.timestamp() * 1000),
        "datetime": f"{row['opened_at'][:23]}Z",
        "side": _LONG[Side(row["side"])],
        "hedged": False,
        "contracts": row["qty"],
        "contractSize": plain(size),
        "entryPrice": row["avg_price"],
        "markPrice": row["mark_price"],
        "notional": notional,
        "unrealizedPnl": row["floating_profit"],
        "realizedPnl": row["profit"],
        "stopLossPrice": row["stop_loss"],
        "takeProfitPrice": row["stop_gain"],
        "leverage": None,
        "liquidationPrice": None,
        "marginMode": None,
    }
