"""One port for everything: what waits runs on asyncio, the rest on a bounded pool of WSGI threads.

Stock Django under ASGI starts a thread per request. Here REST and the admin run as WSGI on
``OMS_WEB_THREADS`` threads; ``POST /oms/commands`` and calls below ``/ccxt``, which may wait for an
exchange, hold none.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oms_project.settings")

from django.core.wsgi import get_wsgi_application

_wsgi = get_wsgi_application()

from a2wsgi import WSGIMiddleware  # noqa: E402 (after Django is set up)
from django.conf import settings  # noqa: E402

from gateway.api.requests import is_call  # noqa: E402
from oms_project.ccxt_app import CcxtApp  # noqa: E402
from oms_project.commands_app import CommandsApp  # noqa: E402
from oms_project.lifespan import close_unknown  # noqa: E402
from positions.relay import relay  # noqa: E402

_commands = CommandsApp()
_ccxt = CcxtApp()
_rest = WSGIMiddleware(_wsgi, workers=settings.OMS_WEB_THREADS)


async def application(scope, receive, send) -> None:
    """Hand the connection to the part that it belongs to."""
    if scope["type"] != "http":
        await close_unknown(scope, receive, send)
        return
    relay().start()
    await _part_for(scope)(scope, receive, send)


def _part_for(scope):
    if scope["method"] == "POST" and scope["path"] == "/oms/commands":
        return _commands
    if scope["method"] == "POST" and is_call(scope["path"]):
        return _ccxt
    return _rest
