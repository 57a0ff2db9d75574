"""The least that can pass events on: one Redis subscription, every message to every socket.

python -m bench.fanout PORT REDIS_URL
"""

import asyncio
import sys

import redis.asyncio
from aiohttp import web

from bench.event_writer import CHANNEL

_sockets: set[web.WebSocketResponse] = set()


async def _meet(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    _sockets.add(socket)
    try:
        async for _ in socket:
            pass
    finally:
        _sockets.discard(socket)
    return socket


async def _pass_on(url: str) -> None:
    client = redis.asyncio.Redis.from_url(url, socket_timeout=None)
    async with client.pubsub(ignore_subscribe_messages=True) as channel:
        await channel.subscribe(CHANNEL)
        async for message in channel.listen():
            text = message["data"].decode()
            for socket in tuple(_sockets):
                await socket.send_str(text)


async def main(port: int, url: str) -> None:
    """Serve until the process is ended."""
    app = web.Application()
    app.router.add_get("/", _meet)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await _pass_on(url)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
