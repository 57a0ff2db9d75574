"""How is the ASGI application listened for, and how does its process end?"""

import logging
import os
import sys
from typing import NoReturn

from django.conf import settings

from oms_project.memory import settle
from oms_project.serving.listening import Server

log = logging.getLogger(__name__)

CLOSE_WITHIN_S = 5
BACKLOG = 1024


def listen() -> None:
    """Answer on ``OMS_HOST`` and ``OMS_PORT`` until SIGINT or SIGTERM."""
    from oms_project.asgi import application  # Django is set up by now.

    # One limit for both ways in the library; what comes in is held to its own by the socket.
    longest = max(settings.OMS_MAX_BODY_BYTES, settings.OMS_MAX_MESSAGE_BYTES)
    server = Server(
        application=application,
        endpoints=[f"tcp:port={settings.OMS_PORT}:interface={settings.OMS_HOST}:backlog={BACKLOG}"],
        server_name="ccxt-position",
        application_close_timeout=CLOSE_WITHIN_S,
        websocket_max_message_size=longest,
        websocket_max_frame_size=longest,
        proxy_forwarded_address_header=None,
    )
    settle()
    log.info("oms.listening", extra={"host": settings.OMS_HOST, "port": settings.OMS_PORT})
    server.run()
    log.info("oms.stopping")


def leave() -> NoReturn:
    """End the process now.

    A WSGI thread whose client went away while the server stopped waits for an event loop that runs
    no more, and the interpreter would wait for the thread.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
