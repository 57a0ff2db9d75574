"""When is an account's past brought in?

Once when it is served, then every ``OMS_IMPORT_S`` seconds, and soon after its private stream
showed an order or a trade that is not ours.
"""

import asyncio
import logging
from collections.abc import Iterable
from time import monotonic

from django.conf import settings

from gateway import cursors, importing, opening
from gateway.loop import db
from gateway.outcomes import CallFailed
from oms_project.errors import OmsError

log = logging.getLogger(__name__)

SOON_S = 0.3  # What a stream tells of one order comes in several messages.


class Importer:
    """The rounds of one account. Lives on the process's exchange loop."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id
        self._bell = asyncio.Event()
        self._strange: dict[str, set[str]] = {}

    def ring(self, symbol: str, exchange_order_ids: Iterable[str]) -> None:
        """Orders that we do not know were seen."""
        self._strange.setdefault(symbol, set()).update(exchange_order_ids)
        self._bell.set()

    async def run(self) -> None:
        """Bring in for ever; a round that failed is repeated at the next turn."""
        await self._bring_in(None, everything=True)
        due_s = monotonic() + settings.OMS_IMPORT_S
        while True:
            try:
                async with asyncio.timeout(due_s - monotonic()):
                    await self._bell.wait()
                    await asyncio.sleep(SOON_S)
            except TimeoutError:
                await self._bring_in(None)
                due_s = monotonic() + settings.OMS_IMPORT_S
                continue
            if symbols := await self._still_strange():
                await self._bring_in(symbols)

    async def _still_strange(self) -> set[str]:
        """Most strangers were own orders, acknowledged by now."""
        self._bell.clear()
        seen, self._strange = self._strange, {}
        return {
            symbol
            for symbol, ids in seen.items()
            if await db(cursors.strangers, self.account_id, symbol, ids)
        }

    async def _bring_in(self, only: set[str] | None, *, everything: bool = False) -> None:
        about = {"account_id": self.account_id}
        try:
            await importing.bring_in(self.account_id, only=only, everything=everything)
            await opening.record(self.account_id)
        except (CallFailed, OmsError) as failure:
            log.warning("import.failed", extra=about | failure.details)
        except Exception:
            # Nothing was concluded: cursors stand where they stood.
            log.exception("import.broke", extra=about)
