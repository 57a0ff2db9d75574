"""``POST /oms/commands`` without a thread per waiting request."""

import json

from oms_project.serving.plain_app import PlainApp, Request
from positions.api import commands


class CommandsApp(PlainApp):
    """Acceptance, wait, answer."""

    async def answer(self, request: Request) -> tuple[int, str]:
        """The results of the commands; see ``positions.api.commands``."""
        found = await commands.answer(
            commands.Post(
                caller=request.caller,
                body=request.body,
                content_type=request.headers.get("content-type", ""),
                query=request.query,
                idempotency_key=request.headers.get("idempotency-key"),
            )
        )
        return found.status, json.dumps(found.body, ensure_ascii=False)
