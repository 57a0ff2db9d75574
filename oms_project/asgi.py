"""One port for everything: what waits runs on asyncio, the rest on a bounded pool of WSGI threads.

Stock Django under ASGI starts a thread per request. Here REST and the admin run as WSGI on
``OMS_WEB_THREADS`` threads, users in turns; ``POST /oms/commands`` and calls below ``/ccxt``, which
may wait for an exchange, and WebSockets hold none.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oms_project.settings")

from django.core.wsgi import get_wsgi_application

_wsgi = get_wsgi_application()

from a2wsgi import WSGIMiddleware  # noqa: E402 (after Django is set up)
from django.conf import settings  # noqa: E402

from gateway.api.requests import is_call  # noqa: E402
from oms_project.answers.headers import answered  # noqa: E402
from oms_project.pages import schema  # noqa: E402
from oms_project.serving.ccxt_app import CcxtApp  # noqa: E402
from oms_project.serving.commands_app import CommandsApp  # noqa: E402
from oms_project.serving.in_turns import InTurns  # noqa: E402
from oms_project.serving.lifespan import lifespan  # noqa: E402
from oms_project.serving.sockets import application as _sockets  # noqa: E402
from positions.relay import relay  # noqa: E402

_commands = CommandsApp()
_ccxt = CcxtApp()
_threads = settings.OMS_WEB_THREADS
_rest = InTurns(WSGIMiddleware(_wsgi, workers=_threads), threads=_threads)


async def application(scope, receive, send) -> None:
    """Hand the connection to the part that it belongs to."""
    if scope["type"] != "lifespan":
        relay().start()
    part = _part_for(scope)
    if scope["type"] == "http":
        if scope["path"] == "/api/schema":
            await schema.ready()
        await answered(part, scope, receive, send)
    else:
        await part(scope, receive, send)


def _part_for(scope):
    if scope["type"] == "lifespan":
        return lifespan
    if scope["type"] == "websocket":
        return _sockets
    if scope["method"] == "POST" and scope["path"] == "/oms/commands":
        return _commands
    if scope["method"] == "POST" and is_call(scope["path"]):
        return _ccxt
    return _rest
