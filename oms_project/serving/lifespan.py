"""How does the ASGI application answer the server's own start and stop?"""


async def lifespan(scope, receive, send) -> None:
    """Nothing has to be prepared, and nothing cleared away."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
