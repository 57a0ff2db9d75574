"""Which address do WebSockets have, and what can be asked there of which app?"""

from channels.routing import URLRouter
from django.urls import path

from gateway.api import sockets
from positions.consumers import OmsConsumer
from positions.sockets.actions import ACTIONS

_CLOSE_NOT_FOUND = 4404

_router = URLRouter([path("ws", OmsConsumer.as_asgi(actions=ACTIONS | sockets.ACTIONS))])


async def application(scope, receive, send) -> None:
    """``/ws``; any other address is closed with 4404."""
    if scope["path"] == "/ws":
        await _router(scope, receive, send)
        return
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": _CLOSE_NOT_FOUND})
