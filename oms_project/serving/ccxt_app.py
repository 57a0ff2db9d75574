"""POST below ``/ccxt`` without a thread per call that waits for an exchange."""

from gateway.api import requests
from oms_project.serving.plain_app import PlainApp, Request


class CcxtApp(PlainApp):
    """Calls to functions of ccxt, one or a batch."""

    async def answer(self, request: Request) -> tuple[int, str]:
        """What the calls answered; see ``gateway.api.requests``."""
        return await requests.answer(
            requests.Asked(
                caller=request.caller,
                path=request.path,
                body=request.body,
                content_type=request.headers.get("content-type", ""),
                query=request.query,
                request_id=request.request_id,
            )
        )
