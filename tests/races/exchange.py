"""The campaign's ccxt instance with stops and private streams."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from random import Random
from types import SimpleNamespace
from typing import Any

import ccxt

from gateway.sessions.wire import current
from tests.campaign.exchange import Exchange, _order, _trade
from tests.campaign.venue import Order
from tests.races.venue import BEYOND, StopVenue

_BACK_S = (0.005, 0.03)
_STREAM_S = (0.01, 0.06)


class StopExchange(Exchange):
    """As much of a ccxt (pro) class as a session with stops uses."""

    def __init__(self, venue: StopVenue, *, dice: Random, streams: bool) -> None:
        super().__init__(venue, dice=dice, share=0.0)
        self._stops = venue
        self.has = dict(self.has) | dict.fromkeys(("ws", "watchOrders", "watchMyTrades"), streams)
        connected: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        connected.set_result(True)
        self.clients = {"private": SimpleNamespace(connected=connected)}
        self._orders: asyncio.Queue[Any] = asyncio.Queue()
        self._trades: asyncio.Queue[Any] = asyncio.Queue()
        self._told = 0
        venue.on_change = self._tell if streams else lambda order: None

    async def create_order(self, *args: Any, params: dict[str, Any]) -> Any:
        trigger = next((params[name] for name in params if name.endswith("Price")), None)
        if trigger is None:
            answer = await super().create_order(*args, params=params)
        else:
            answer = await self._act_on_stop(args, params, Decimal(str(trigger)))
        return await self._back(answer)

    async def cancel_order(self, *args: Any, params: dict[str, Any]) -> Any:
        return await self._back(await super().cancel_order(*args, params=params))

    async def watch_orders(self) -> list[Any]:
        return [await self._orders.get()]

    async def watch_my_trades(self) -> list[Any]:
        return [await self._trades.get()]

    def market(self, symbol: str) -> dict[str, Any]:
        return self.markets[symbol] | {"contractSize": 1, "linear": True}

    async def close_ws_clients(self) -> None:
        return None

    async def _act_on_stop(self, args: Any, params: dict[str, Any], trigger: Decimal) -> Any:
        _symbol, _kind, side, qty, _price = args

        def act() -> Order:
            return self._stops.create_stop(
                client_id=params["clientOrderId"], side=side, qty=Decimal(str(qty)),
                trigger=trigger, reduce_only=bool(params.get("reduceOnly")),
            )  # fmt: skip

        return await self._act("POST", act, client_id=params["clientOrderId"])

    async def _act(self, method: str, act: Callable[[], Order], client_id: str = "") -> Any:
        try:
            return await super()._act(method, act, client_id)
        except KeyError as unknown:  # A refusal that the campaign has no class for.
            if unknown.args != (BEYOND,):
                raise
            wire = current.get()
            wire.judged, wire.status, wire.code = True, 400, "-2021"
            raise ccxt.OrderImmediatelyFillable("would trigger") from None

    async def _back(self, answer: Any) -> Any:
        await asyncio.sleep(self._dice.uniform(*_BACK_S))
        return answer

    def _tell(self, order: Order) -> None:
        """The stream brings what the order is now, a while later."""
        loop, after_s = asyncio.get_running_loop(), self._dice.uniform(*_STREAM_S)
        loop.call_later(after_s, self._orders.put_nowait, _order(order))
        for trade in self._stops.trades[self._told :]:
            loop.call_later(after_s, self._trades.put_nowait, _trade(trade))
        self._told = len(self._stops.trades)
