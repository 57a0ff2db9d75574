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

from gateway import loop, markets, own_orders, readers
from gateway.arguments import Arguments
from gateway.catalogue import Loaded
from gateway.ccxt_orders import order_structure
from gateway.functions import Function, Kind, Sight
from gateway.markets import Profile
from gateway.outcomes import Refused
from gateway.shapes import render, without_info
from gateway.shared import Shared
from oms_project.errors import OrderNotFound
from positions import rows
from positions.models import Order

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
        OmsError: see ``gateway.readers`` and ``gateway.refusals``.
    """
    work = _market_data(read) if read.function.kind is Kind.PUBLIC else _of_account(read)
    return await readers.within_time(work)


async def _market_data(read: Read) -> str:
    function, profile = read.function, await loop.db(markets.profile, read.account_id)
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
    found = await reader.call(function, arguments)
    if of_orders:
        found = await loop.db(own_orders.tidied, read.account_id, function, found, read.visible)
    elif read.visible is not None:
        found = without_info(found)
    return render(found)


def _not_there_yet(function: Function, order: Order) -> dict[str, Any]:
    """What we know ourselves of an order for which the exchange has given no id (yet).

    Raises:
        OrderNotFound: more than the order itself was asked for.
    """
    if function.name != "fetchOrder":
        raise OrderNotFound("The exchange has not confirmed this order.", order_id=order.pk)
    return order_structure(rows.order_row(order))
