"""What is asked of the OMS, in which order, for each method of ccxt?

Every plan is a generator without any network in it: it yields steps, is sent their answers and
returns ccxt's structure. ``exchange`` (blocking) and ``async_support`` carry the steps out, so both
say and understand exactly the same.
"""

from inspect import signature
from typing import Any

from ccxt.base.errors import ArgumentsRequired, BaseError, OrderNotFound
from ccxt.base.exchange import Exchange

from ccxt_driver import exits, orders, shapes, steps
from ccxt_driver.steps import Params, Plan, Row
from ccxt_driver.words import REQUEST, snake

MOST_ROWS = 1500  # The OMS asks an exchange for no more at once.
DOUBT_ENDS_MS = 600_000  # A request that has not arrived ten minutes later never will.


# --- orders ----------------------------------------------------------------------------------


def create_order(self, symbol, type, side, amount, price=None, params={}) -> Plan:
    yield steps.Markets()
    command = _sending(self, symbol, type, side, amount, price, params)
    try:
        (result,) = yield from exits.given(self, command)
    except steps.InDoubt:
        return _doubted(self, command["payload"])
    return shapes.order(self, result["order"])


def create_orders(self, orders, params={}) -> Plan:
    yield steps.Markets()
    commands = []
    for each in orders:
        words = [each.get(name) for name in ("symbol", "type", "side", "amount", "price")]
        commands.append(_sending(self, *words, {**params, **(each.get("params") or {})}))
    try:
        results = yield from steps.given(self, commands)
    except steps.InDoubt:
        return [_doubted(self, command["payload"]) for command in commands]
    return [
        shapes.order(self, result["order"])
        if result["ok"]
        else shapes.refused_order(self, result["error"])
        for result in results
    ]


def edit_order(self, id, symbol, type=None, side=None, amount=None, price=None, params={}) -> Plan:
    yield steps.Markets()
    number = yield from _number_of(self, id, symbol, params)
    given = orders.change(self, symbol, amount, price, params)
    trigger = given.pop("triggerPrice", None)
    words = {"id": f"oms:{number}", "symbol": symbol, "type": _edited_type(type), "side": side}
    more = {} if trigger is None else {"triggerPrice": trigger}
    body = {
        "kwargs": {**words, **given, "params": {"request_id": steps.request_id(params), **more}}
    }
    answer = yield from steps.insisted(
        self, steps.Call("POST", steps.address(self, "editOrder"), body=body)
    )
    return shapes.order(self, answer["result"]["info"], named=_kept_name(id))


def cancel_order(self, id, symbol=None, params={}) -> Plan:
    yield steps.Markets()
    number = yield from _number_of(self, id, symbol, params)
    command = steps.command(self, "cancel_order", {"order_id": number}, params)
    (result,) = yield from steps.given(self, [command])
    return shapes.order(self, result["order"], named=_kept_name(id))


def cancel_orders(self, ids, symbol=None, params={}) -> Plan:
    yield steps.Markets()
    numbers = []
    for each in ids:
        numbers.append((yield from _number_of(self, each, symbol, params)))
    command = steps.command(self, "cancel_order", {"order_ids": numbers}, params)
    (result,) = yield from steps.given(self, [command])
    return [shapes.order(self, row) for row in result["orders"]]


def cancel_all_orders(self, symbol=None, params={}) -> Plan:
    yield steps.Markets()
    payload: Row = {} if symbol is None else {"symbol": self.market(symbol)["symbol"]}
    strategy_id = params.get("strategy_id", self.oms.strategy_id)
    if strategy_id is not None:
        payload["strategy_ids"] = [strategy_id]
    (result,) = yield from steps.given(
        self, [steps.command(self, "cancel_all_orders", payload, params)]
    )
    return [shapes.order(self, row) for row in result["orders"]]


def fetch_order(self, id, symbol=None, params={}) -> Plan:
    yield steps.Markets()
    try:
        row = yield from _row_of(self, id, symbol, params)
    except OrderNotFound:
        if _kept_name(id) is None:
            raise
        return _unresolved(self, id, symbol)
    return shapes.order(self, row, named=_kept_name(id))


def fetch_open_orders(self, symbol=None, since=None, limit=None, params={}) -> Plan:
    yield steps.Markets()
    rows = yield from steps.listed(self, "orders/open", "created_at", symbol, since, limit, params)
    found = [shapes.order(self, row) for row in rows]
    found += yield from _still_doubted(self, rows)
    found.sort(key=_by_time)
    return self.filter_by_symbol_since_limit(found, _symbol(self, symbol), since, limit)


def fetch_orders(self, symbol=None, since=None, limit=None, params={}) -> Plan:
    yield steps.Markets()
    rows = yield from steps.listed(self, "orders", "created_at", symbol, since, limit, params)
    return _as_orders(self, rows, symbol, since, limit)


def fetch_closed_orders(self, symbol=None, since=None, limit=None, params={}) -> Plan:
    return (yield from _ended(self, ("FILLED",), symbol, since, limit, params))


def fetch_canceled_orders(self, symbol=None, since=None, limit=None, params={}) -> Plan:
    return (yield from _ended(self, ("CANCELED",), symbol, since, limit, params))


def fetch_canceled_and_closed_orders(self, symbol=None, since=None, limit=None, params={}) -> Plan:
    words = ("FILLED", "CANCELED", "REJECTED", "EXPIRED")
    return (yield from _ended(self, words, symbol, since, limit, params))


def fetch_order_trades(self, id, symbol=None, since=None, limit=None, params={}) -> Plan:
    yield steps.Markets()
    number = yield from _number_of(self, id, symbol, params)
    deals = yield from steps.listed(
        self, "deals", "executed_at", symbol, since, limit, params, wanted=_is_fill, order_id=number
    )
    return _as_trades(self, deals, symbol, since, limit)


def fetch_my_trades(self, symbol=None, since=None, limit=None, params={}) -> Plan:
    yield steps.Markets()
    deals = yield from steps.listed(
        self, "deals", "executed_at", symbol, since, limit, params, wanted=_is_fill
    )
    return _as_trades(self, deals, symbol, since, limit)


# --- positions -------------------------------------------------------------------------------


def fetch_positions(self, symbols=None, params={}) -> Plan:
    yield steps.Markets()
    symbols = self.market_symbols(symbols)
    one = symbols[0] if symbols and len(symbols) == 1 else None
    rows = yield from steps.listed(self, "positions/open", "opened_at", one, None, None, params)
    yield from learn_leverages(self, rows)
    found = [shapes.position(self, row) for row in reversed(rows)]
    return self.filter_by_array(found, "symbol", symbols, False)


def fetch_position(self, symbol, params={}) -> Plan:
    found = yield from fetch_positions(self, [symbol], params)
    if found:
        return found[0]
    return self.safe_position({"symbol": symbol, "contracts": self.parse_number("0"), "info": {}})


def fetch_positions_for_symbol(self, symbol, params={}) -> Plan:
    return (yield from fetch_positions(self, [symbol], params))


def fetch_position_history(self, symbol, since=None, limit=None, params={}) -> Plan:
    return (yield from fetch_positions_history(self, [symbol], since, limit, params))


def fetch_positions_history(self, symbols=None, since=None, limit=None, params={}) -> Plan:
    yield steps.Markets()
    symbols = self.market_symbols(symbols)
    one = symbols[0] if symbols and len(symbols) == 1 else None
    rows = yield from steps.listed(
        self, "positions/history", "closed_at", one, since, limit, params
    )
    found = [shapes.position(self, row) for row in reversed(rows)]
    found = self.filter_by_array(found, "symbol", symbols, False)
    return found[:limit] if limit and since is not None else found[-limit:] if limit else found


def fetch_funding_history(self, symbol=None, since=None, limit=None, params={}) -> Plan:
    yield steps.Markets()
    deals = yield from steps.listed(
        self, "deals", "executed_at", symbol, since, limit, params,
        wanted=_is_funding, reason="funding",
    )  # fmt: skip
    found = sorted((shapes.funding(self, deal) for deal in deals), key=_by_time)
    return self.filter_by_symbol_since_limit(found, _symbol(self, symbol), since, limit)


# --- everything else -------------------------------------------------------------------------


def fetch_markets(self, params={}) -> Plan:
    yield from _acquaint(self)
    answer = yield from steps.called(self, "fetchMarkets", [], {})
    return answer


def fetch_currencies(self, params={}) -> Plan:
    return (yield from steps.called(self, "fetchCurrencies", [], {}))


def fetch_balance(self, params={}) -> Plan:
    found = yield from steps.called(self, "fetchBalance", [], {"params": dict(params)})
    found.setdefault("info", {})
    return found


def set_leverage(self, leverage, symbol=None, params={}) -> Plan:
    yield steps.Markets()
    found = yield from steps.called(
        self, "setLeverage", [_whole(leverage), symbol], {"params": params}
    )
    if symbol is not None:
        self.options.get("leverages", {}).pop(self.market(symbol)["symbol"], None)
    return found


def passed_on(name: str):
    """The plan of a method that ``/ccxt`` answers as it is called."""

    known = getattr(Exchange, snake(name), None)
    names = None if known is None else signature(known)

    def plan(self, *args, **kwargs) -> Plan:
        yield steps.Markets()
        if names is None:
            return (yield from steps.called(self, name, list(args), kwargs))
        bound = names.bind(self, *args, **kwargs).arguments
        given = {word: value for word, value in list(bound.items())[1:] if value is not None}
        if "limit" in given:
            given["limit"] = min(int(given["limit"]), MOST_ROWS)
        if "since" in given:
            given["since"] = int(given["since"])
        return (yield from steps.called(self, name, [], given))

    return plan


# --- parts of plans --------------------------------------------------------------------------


def _acquaint(self) -> Plan:
    """Learn which exchange it is, where that could not be asked at construction."""
    if self.oms_exchange_id is None:
        accounts = yield steps.Call("GET", "/oms/accounts")
        self.meet(accounts)


def _sending(self, symbol, kind, side, amount, price, params) -> Row:
    payload = orders.payload(self, symbol, kind, side, amount, price, params)
    if self.oms.strategy_id is not None:
        payload.setdefault("strategy_id", self.oms.strategy_id)
    command = steps.command(self, "send_order", payload, params)
    # By this the order is found again, should nobody have heard what became of it.
    payload.setdefault("client_order_id", command["request_id"])
    return command


def _kept_name(order_id: Any) -> str | None:
    """A bot goes on to know an order by the id that it was given."""
    return order_id if isinstance(order_id, str) and order_id.startswith(REQUEST) else None


def _number_of(self, order_id: Any, symbol: str | None, params: Params) -> Plan:
    """The OMS's id of an order."""
    if order_id is not None and str(order_id).isdigit():
        return int(order_id)
    return (yield from _row_of(self, order_id, symbol, params))["id"]


def _row_of(self, order_id: Any, symbol: str | None, params: Params) -> Plan:
    """The row of an order, by the OMS's id, or by the id that its owner gave it.

    Raises:
        OrderNotFound: there is none.
        ArgumentsRequired: it is not named.
    """
    if order_id is not None and str(order_id).isdigit():
        answer = yield steps.Call("GET", f"/oms/orders/{order_id}")
        return answer["items"][0]
    client_id = params.get("clientOrderId", params.get("origClientOrderId"))
    if _kept_name(order_id) is not None:
        client_id = order_id.split(":", 2)[2]
    if client_id is None:
        if order_id is None:
            raise ArgumentsRequired(f"{self.id} an order is named by id or params.clientOrderId")
        raise OrderNotFound(f"{self.id} there is no order {order_id}")
    rows = yield from steps.listed(self, "orders", "created_at", symbol, None, steps.PAGE, {})
    for row in rows:
        if row["client_order_id"] == client_id:
            return row
    raise OrderNotFound(f"{self.id} there is no order {client_id}")


def learn_leverages(self, rows: list[Row]) -> Plan:
    """Ask for the leverage of positions in contracts, once per symbol: the books do not have it."""
    known = self.options.setdefault("leverages", {})
    wanted = sorted({row["symbol"] for row in rows if ":" in row["symbol"]} - known.keys())
    if not wanted:
        return
    try:
        found = yield from steps.called(self, "fetchLeverages", [wanted], {})
    except BaseError:
        return  # The exchange does not say; positions are shown without.
    for symbol in wanted:
        known[symbol] = found.get(symbol) or {}


def _doubted(self, payload: Row) -> Row:
    """An order that may or may not be the OMS's; remembered, so that it is looked for."""
    order_id = f"{REQUEST}{self.milliseconds()}:{payload['client_order_id']}"
    self.oms_doubts[order_id] = payload
    return shapes.doubtful_order(self, order_id, payload)


def _unresolved(self, order_id: str, symbol: str | None) -> Row:
    """Still open, or rejected once its request has had all the time to arrive."""
    nothing = {"symbol": symbol, "order_type": None, "side": None, "qty": None}
    payload = self.oms_doubts.get(order_id, nothing)
    found = shapes.doubtful_order(self, order_id, payload)
    made_at = int(order_id.split(":", 2)[1])
    is_over = self.milliseconds() - made_at > DOUBT_ENDS_MS
    return found | {"timestamp": made_at, "datetime": self.iso8601(made_at),
                    "status": "rejected" if is_over else "open"}  # fmt: skip


def _still_doubted(self, rows: list[Row]) -> Plan:
    """The remembered orders that are neither among ``rows`` nor have ended meanwhile."""
    found, listed = [], {row["client_order_id"] for row in rows}
    for order_id, payload in list(self.oms_doubts.items()):
        if payload["client_order_id"] in listed:
            continue
        try:
            yield from _row_of(self, order_id, payload["symbol"], {})
            del self.oms_doubts[order_id]
        except OrderNotFound:
            order = _unresolved(self, order_id, payload["symbol"])
            found += [order] if order["status"] == "open" else []
    return found


def _ended(self, words, symbol, since, limit, params) -> Plan:
    yield steps.Markets()

    def wanted(row: Row) -> bool:
        return row["status"] in words

    rows = yield from steps.listed(
        self, "orders/history", "created_at", symbol, since, limit, params, wanted=wanted
    )
    return _as_orders(self, rows, symbol, since, limit)


def _as_orders(self, rows, symbol, since, limit) -> list[Row]:
    found = sorted((shapes.order(self, row) for row in rows), key=_by_time)
    return self.filter_by_symbol_since_limit(found, _symbol(self, symbol), since, limit)


def _as_trades(self, deals, symbol, since, limit) -> list[Row]:
    found = sorted((shapes.trade(self, deal) for deal in deals), key=_by_time)
    return self.filter_by_symbol_since_limit(found, _symbol(self, symbol), since, limit)


def _by_time(structure: Row) -> tuple[int, int]:
    order_id = structure["id"]
    return structure["timestamp"], int(order_id) if order_id.isdigit() else 0


def _is_fill(deal: Row) -> bool:
    return deal["kind"] == "fill"


def _is_funding(deal: Row) -> bool:
    return deal["kind"] == "funding"


def _symbol(self, symbol: str | None) -> str | None:
    return None if symbol is None else self.market(symbol)["symbol"]


def _edited_type(kind: str | None) -> str | None:
    return None if kind is None else "limit" if "limit" in kind.lower() else "market"


def _whole(value: Any) -> Any:
    return int(value) if float(value).is_integer() else value
