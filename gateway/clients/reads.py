"""What does a client's read of an exchange answer?

Market data comes from the shared answers, markets from the list that sessions work with, the rest
from the account's reader. Everything here runs on the reading loop (``gateway.loop.reading``) and
ends as JSON text.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from gateway import loop
from gateway.clients import own_orders, readers
from gateway.clients.arguments import Arguments
from gateway.clients.ccxt_orders import order_structure
from gateway.clients.functions import Function, Kind, Sight
from gateway.clients.readers import Reader
from gateway.clients.restricted import money, positions
from gateway.clients.shapes import render, without_info
from gateway.clients.shared import Shared
from gateway.exchanges.profile import Profile, profile_for
from gateway.sessions.loaded import Loaded
from gateway.sessions.outcomes import Refused
from oms_project.errors import OrderNotFound
from positions.models import Order
from positions.rows import order_row

_CATALOGUE = {"loadMarkets": "markets", "fetchMarkets": "markets", "fetchCurrencies": "currencies"}
_LOGIN_MISSING = "AuthenticationError"

_shared = Shared()
_catalogues: dict[tuple[str, str], tuple[Loaded, str]] = {}
_with_login: set[tuple[str, str]] = set()


@dataclass(frozen=True, slots=True)
class Read:
    """One read of one account. ``visible``: the strategies the key may see, ``None`` for all."""

    account_id: int
    function: Function
    arguments: Arguments
    visible: frozenset[int] | None


async def answer(read: Read) -> str:
    """ccxt's answer as JSON text, within ``OMS_CCXT_TIMEOUT_S`` seconds.

    Raises:
        OmsError: see ``gateway.clients.readers`` and ``gateway.sessions.refusals``.
    """
    work = _market_data(read) if read.function.kind is Kind.PUBLIC else _of_account(read)
    return await readers.within_time(work)


async def _market_data(read: Read) -> str:
    function, profile = read.function, await loop.db(profile_for, read.account_id)
    if function.name in _CATALOGUE:
        return await _catalogue(function.name, profile)
    if (profile.key, function.name) in _with_login:
        return await _of_account(read)
    try:
        if function.name == "fetchTime":  # The one answer that is wrong when it is old.
            return await _fetched(profile, read)
        question = json.dumps(
            [profile.key, function.name, read.arguments.values, read.arguments.params],
            sort_keys=True,
        )
        life_s = settings.OMS_MARKET_DATA_LIFE_S
        return await _shared.get(question, life_s, lambda: _fetched(profile, read))
    except Refused as refusal:
        if refusal.exception != _LOGIN_MISSING:
            raise
    # Public in name, but this exchange wants a login for it: then it is the account's own answer.
    _with_login.add((profile.key, function.name))
    return await _of_account(read)


async def _fetched(profile: Profile, read: Read) -> str:
    reader = await readers.for_market_data(profile)
    return render(await reader.call(read.function, read.arguments))


async def _catalogue(name: str, profile: Profile) -> str:
    """The markets or currencies as text, rendered once per loading, on a thread of its own."""
    loaded = (await readers.for_market_data(profile)).loaded
    known = _catalogues.get((profile.key, name))
    if known is None or known[0] is not loaded:
        structure: Any = loaded.attributes[_CATALOGUE[name]] or {}
        if name == "fetchMarkets":
            structure = list(structure.values())
        elif name == "fetchCurrencies":
            # Loaded with somebody's login, and some exchanges show balances beside the currencies.
            structure = without_info(structure)
        known = _catalogues[profile.key, name] = loaded, await asyncio.to_thread(render, structure)
    return known[1]


async def _of_account(read: Read) -> str:
    function, arguments = read.function, read.arguments
    of_orders = function.sight is Sight.OWN
    if of_orders and "id" in function.arguments:
        arguments, order = await loop.db(
            own_orders.located, read.account_id, arguments, read.visible
        )
        if order is not None and order.exchange_order_id is None:
            return render(await loop.db(_not_there_yet, function, order))
    reader = await readers.for_account(read.account_id)
    if read.visible is not None and function.sight is Sight.POSITIONS:
        return render(await _own_positions(read, reader))
    found = await reader.call(function, arguments)
    if read.visible is not None and function.sight is Sight.MONEY:
        markets_ = reader.session.exchange.markets
        found = await loop.db(money.told, read.account_id, read.visible, found, markets_)
    elif of_orders:
        found = await loop.db(own_orders.tidied, read.account_id, function, found, read.visible)
    elif read.visible is not None:
        found = without_info(found)
    return render(found)


async def _own_positions(read: Read, reader: Reader) -> Any:
    """The positions of the key's strategies, for whichever function asks for positions."""
    given = read.arguments.values
    symbols = [given["symbol"]] if "symbol" in given else given.get("symbols")
    markets_ = reader.session.exchange.markets
    found = await loop.db(positions.told, read.account_id, read.visible, symbols, markets_)
    if read.function.name != "fetchPosition":
        return found
    return found[0] if found else positions.none_of(given["symbol"])


def _not_there_yet(function: Function, order: Order) -> dict[str, Any]:
    """What we know ourselves of an order for which the exchange has given no id (yet).

    Raises:
        OrderNotFound: more than the order itself was asked for.
    """
    if function.name != "fetchOrder":
        raise OrderNotFound("The exchange has not confirmed this order.", order_id=order.pk)
    return order_structure(order_row(order))
