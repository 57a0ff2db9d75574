"""What is answered to connections that are not HTTP?"""


async def close_unknown(scope, receive, send) -> None:
    """Serve the server's own start and stop, and turn away sockets: there are none yet."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4404})
