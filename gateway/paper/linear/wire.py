"""Orders, conditional orders and trades as Binance USD-M futures writes them in JSON."""

from decimal import Decimal

from gateway.paper.matching.amounts import SATOSHI, ZERO, plain
from gateway.paper.matching.book import Side
from gateway.paper.matching.orders import Order, Status, Trade


def number(value: Decimal) -> str:
    """An amount in its shortest form, rounded to 8 decimals: averages may have no end."""
    return plain(value.quantize(SATOSHI))


def average(order: Order) -> Decimal:
    """The average price of an order's fills; zero without any."""
    return order.cost / order.filled if order.filled else ZERO


def order_json(order: Order) -> dict:
    """An order as look-ups and answers show it."""
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_id,
        "price": number(order.price),
        "avgPrice": number(average(order)),
        "origQty": number(order.qty),
        "executedQty": number(order.filled),
        "cumQty": number(order.filled),
        "cumQuote": number(order.cost),
        "timeInForce": order.tif,
        "type": order.kind,
        "reduceOnly": order.extra["reduce_only"],
        "closePosition": order.extra.get("close_position", False),
        "side": order.side,
        "positionSide": order.extra["position_side"],
        "stopPrice": number(order.stop_price),
        "workingType": "CONTRACT_PRICE",
        "priceMatch": "NONE",
        "selfTradePreventionMode": order.self_trade,
        "goodTillDate": order.extra["good_till_ms"],
        "priceProtect": False,
        "origType": order.extra["original_kind"],
        "time": order.created_ms,
        "updateTime": order.updated_ms,
    }


def new_order_json(order: Order, kind: str) -> dict:
    """The answer to a new order: as it came in (``ACK``), or with its first fills (``RESULT``)."""
    answer = order_json(order)
    del answer["time"]
    if kind == "ACK":
        answer |= {"status": Status.NEW, "avgPrice": "0", "updateTime": order.created_ms}
        answer |= dict.fromkeys(("executedQty", "cumQty", "cumQuote"), "0")
    return answer


def trade_json(trade: Trade) -> dict:
    """A trade as ``userTrades`` shows it."""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "side": trade.side,
        "price": number(trade.price),
        "qty": number(trade.qty),
        "realizedPnl": number(Decimal(trade.extra["realised"])),
        "quoteQty": number(trade.cost),
        "commission": number(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.time_ms,
        "positionSide": trade.extra["position_side"],
        "buyer": trade.side is Side.BUY,
        "maker": trade.maker,
    }


def algo_json(algo: Order) -> dict:
    """A conditional order as look-ups and answers show it."""
    extra = algo.extra
    told = {
        "algoId": algo.order_id,
        "clientAlgoId": algo.client_id,
        "algoType": "CONDITIONAL",
        "orderType": algo.kind,
        "symbol": algo.symbol,
        "side": algo.side,
        "positionSide": extra["position_side"],
        "timeInForce": algo.tif,
        "quantity": number(algo.qty),
        "algoStatus": extra["algo_status"],
        "actualOrderId": str(extra.get("order_id", "")),
        "actualPrice": extra.get("average", "0"),
        "triggerPrice": number(ZERO if "trailing_delta" in extra else algo.stop_price),
        "price": number(algo.price),
        "icebergQuantity": None,
        "tpTriggerPrice": "0",
        "tpPrice": "0",
        "slTriggerPrice": "0",
        "slPrice": "0",
        "tpOrderType": "",
        "selfTradePreventionMode": algo.self_trade,
        "workingType": extra["working_type"],
        "priceMatch": "NONE",
        "closePosition": extra["close_position"],
        "priceProtect": False,
        "reduceOnly": extra["reduce_only"],
        "createTime": algo.created_ms,
        "updateTime": algo.updated_ms,
        "triggerTime": extra.get("triggered_ms", 0),
        "goodTillDate": extra["good_till_ms"],
    }
    if "trailing_delta" in extra:
        told |= {"activatePrice": number(algo.stop_price), "callbackRate": extra["callback_rate"]}
    return told
