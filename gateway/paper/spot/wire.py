"""Orders and trades as Binance spot writes them in JSON."""

from gateway.paper.matching.amounts import fixed
from gateway.paper.matching.book import Side
from gateway.paper.matching.orders import Order, Trade


def order_json(order: Order) -> dict:
    """An order as the look-ups show it."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.extra.get("list_id", -1),
        "clientOrderId": order.client_id,
        **_state(order),
        "stopPrice": fixed(order.stop_price),
        "icebergQty": "0.00000000",
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": order.working,
        "workingTime": order.working_ms or -1,
        "origQuoteOrderQty": fixed(order.budget),
        **_odd(order),
    }


def new_order_json(order: Order, trades: list[Trade], kind: str) -> dict:
    """The answer to a new order: ``ACK``, ``RESULT`` or ``FULL``."""
    answer = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.extra.get("list_id", -1),
        "clientOrderId": order.client_id,
        "transactTime": order.updated_ms,
    }
    if kind == "ACK":
        return answer
    answer |= _state(order)
    answer |= {"origQuoteOrderQty": fixed(order.budget), "workingTime": order.working_ms or -1}
    if order.stop_price:
        answer["stopPrice"] = fixed(order.stop_price)
    answer |= _odd(order)
    if kind == "FULL":
        answer["fills"] = [
            {
                "price": fixed(trade.price),
                "qty": fixed(trade.qty),
                "commission": fixed(trade.fee),
                "commissionAsset": trade.fee_asset,
                "tradeId": trade.trade_id,
            }
            for trade in trades
        ]
    return answer


def cancelled_json(order: Order) -> dict:
    """The answer to a cancel. The cancel has a client id of its own, as on Binance."""
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_id,
        "orderId": order.order_id,
        "orderListId": order.extra.get("list_id", -1),
        "clientOrderId": order.extra["cancel_client_id"],
        "transactTime": order.updated_ms,
        **_state(order),
        **_odd(order),
    }


def trade_json(trade: Trade) -> dict:
    """A trade as ``myTrades`` shows it."""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": trade.extra.get("list_id", -1),
        "price": fixed(trade.price),
        "qty": fixed(trade.qty),
        "quoteQty": fixed(trade.cost),
        "commission": fixed(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.time_ms,
        "isBuyer": trade.side is Side.BUY,
        "isMaker": trade.maker,
        "isBestMatch": True,
    }


def _state(order: Order) -> dict:
    return {
        "price": fixed(order.price),
        "origQty": fixed(order.qty),
        "executedQty": fixed(order.filled),
        "cummulativeQuoteQty": fixed(order.cost),
        "status": order.status,
        "timeInForce": order.tif,
        "type": order.kind,
        "side": order.side,
        "selfTradePreventionMode": order.self_trade,
    }


def _odd(order: Order) -> dict:
    """Fields that only some orders have."""
    odd = {}
    if "trailing_delta" in order.extra:
        odd["trailingDelta"] = order.extra["trailing_delta"]
    if order.prevented:
        odd["preventedQuantity"] = fixed(order.prevented)
    return odd
