"""Which order of the exchange is the one looked for?

Asked directly where the exchange looks up such an id; what it says it does not have is looked for
in its lists too, because look-ups and lists lag behind one another. Orders are told by the
exchange's id, else by ours, as ``gateway.exchanges.ids`` reads it out of any answer: without what
ccxt or the exchange put in front of it. Ids are compared as text, since some exchanges give
numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.exchanges.ids import our_id, their_id
from gateway.sessions.outcomes import NotFound, Outcome, Refused, identified
from gateway.sessions.paging import DAY_MS, order_key, whole
from gateway.sessions.session import Session
from gateway.words import Verdict

SEARCH_BACK_MS = DAY_MS


@dataclass(frozen=True, slots=True)
class Wanted:
    """The order looked for: by ``theirs``, the exchange's id, where known, else by ``ours``.

    ``conditional``: among the triggers that the exchange keeps apart. ``since``: it is no older, so
    lists are read from there.
    """

    symbol: str
    since: datetime
    theirs: str | None = None
    ours: str | None = None
    conditional: bool = False

    def is_it(self, order: Mapping[str, Any], exchange_id: str) -> bool:
        """Whether ``order``, a ccxt structure, is the one."""
        if self.theirs is not None:
            return their_id(order) == self.theirs
        return self.ours is not None and our_id(order, exchange_id) == self.ours


async def fetch_order(
    session: Session,
    symbol: str,
    *,
    exchange_order_id: str | None = None,
    client_order_id: str | None = None,
    conditional: bool = False,
) -> dict[str, Any]:
    """One order, by the exchange's id or by ours.

    Where the exchange cannot look up our id, its open orders and those of the last day are
    searched.

    Raises:
        NotFound: the exchange does not show it (now).
    """
    since = datetime.fromtimestamp((session.now_ms() - SEARCH_BACK_MS) / 1000, UTC)
    wanted = Wanted(symbol, since, exchange_order_id, client_order_id, conditional)
    if _looks_up(session, wanted):
        return await _look_up(session, wanted)
    if (found := await _in_lists(session, wanted)) is None:
        raise NotFound(Outcome(Verdict.NOT_FOUND, exception="OrderNotFound"))
    return found


async def find(session: Session, wanted: Wanted) -> dict[str, Any] | None:
    """The order as the exchange shows it; ``None``: neither the look-up nor a list has it (now).

    Raises:
        CallFailed: a question was not answered, so nothing is known.
    """
    if _looks_up(session, wanted):
        try:
            return await _look_up(session, wanted)
        except NotFound:
            pass
    return await _in_lists(session, wanted)


async def _in_lists(session: Session, wanted: Wanted) -> dict[str, Any] | None:
    """The order out of those that rest, then of those that have ended.

    Raises:
        CallFailed: a list could not be read, so nothing is known.
    """
    symbol, apart = wanted.symbol, wanted.conditional
    resting = await session.fetch_open_orders(symbol, conditional=apart)
    if found := _first(resting, wanted, session.exchange_id):
        return found
    since_ms = int(wanted.since.timestamp() * 1000)
    ended = await fetch_closed_orders(session, symbol, since_ms, conditional=apart)
    return _first(ended, wanted, session.exchange_id)


async def fetch_closed_orders(
    session: Session, symbol: str, since_ms: int, *, conditional: bool = False
) -> list[dict[str, Any]]:
    """Orders in a final state, made since then: filled, cancelled, expired and rejected ones.

    From the list of all orders where the exchange has one; else from its closed and its
    cancelled list, each of which may miss some.
    """
    params = session.trigger_params(symbol, conditional=conditional)
    lists = next(
        (
            methods
            for methods in (
                ("fetchOrders",),
                ("fetchCanceledAndClosedOrders",),
                ("fetchClosedOrders", "fetchCanceledOrders"),
            )
            if session.has(methods[0])
        ),
        (),
    )
    found: dict[str, dict[str, Any]] = {}
    for method in lists:
        if session.has(method):
            rows = await whole(session, method, symbol, since_ms, params=params, key=order_key)
            found |= {order_key(row): row for row in rows if row.get("status") != "open"}
    return list(found.values())


async def fetch_order_trades(
    session: Session, symbol: str, exchange_order_id: str, since_ms: int | None = None
) -> list[dict[str, Any]]:
    """The fills of one order.

    Where the exchange has them only in the list of all fills, that is read from ``since_ms`` on
    (the order's creation; the last day where it is left out).
    """
    try:
        trades = await _trades_by_order(session, symbol, exchange_order_id)
    except Refused:
        # kraken wants the trades' ids here; some markets of others are not served.
        trades = None
    if trades is None:
        since_ms = session.now_ms() - SEARCH_BACK_MS if since_ms is None else since_ms
        trades = await session.fetch_my_trades(symbol, since_ms)
    return [trade for trade in trades if str(trade.get("order")) == exchange_order_id]


async def _trades_by_order(
    session: Session, symbol: str, exchange_order_id: str
) -> list[dict[str, Any]] | None:
    """The order's fills by its id; ``None`` where the exchange cannot be asked so."""
    if (name := session.facts.order_trades_param) is not None:
        params = {name: exchange_order_id}
        return await session.read("fetch_my_trades", symbol, params=params)
    if session.has("fetchOrderTrades"):
        return await session.read("fetch_order_trades", exchange_order_id, symbol)
    return None


def _looks_up(session: Session, wanted: Wanted) -> bool:
    """Whether the exchange gives a single order by the id that is known of it."""
    knows_id = wanted.theirs is not None or session.seen(wanted.symbol).finds_by_client_id
    return knows_id and session.has("fetchOrder")


async def _look_up(session: Session, wanted: Wanted) -> dict[str, Any]:
    """One order where the exchange ``_looks_up`` such an id.

    Raises:
        NotFound: the exchange does not show it (now), or shows one with another id of ours.
    """
    params = session.trigger_params(wanted.symbol, conditional=wanted.conditional)
    if wanted.theirs is None:
        params["clientOrderId"] = wanted.ours
    ids = (wanted.theirs or "", wanted.symbol)
    order = await session.read("fetch_order", *ids, params=params)
    order = identified(order, session.exchange_id)
    if wanted.theirs is None and our_id(order, session.exchange_id) not in (None, wanted.ours):
        raise NotFound(Outcome(Verdict.NOT_FOUND, exception="OrderNotFound"))
    return order


def _first(orders: list[dict[str, Any]], wanted: Wanted, exchange_id: str) -> dict[str, Any] | None:
    return next((order for order in orders if wanted.is_it(order, exchange_id)), None)
