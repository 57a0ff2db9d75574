"""Of which order does an answer speak, whatever it leaves out?

Raw rows keep what was said. For reading, an answer is completed by what is known of the question:
the answer to our own call belongs to the order that was sent, whatever symbol, side or id of ours
it leaves out or changes. A look-up proves less: what it says itself counts, so that an exchange
that answers with somebody else's order is not believed.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.evidence import normalize
from gateway.exchanges.numbers import Unreadable
from positions.models import ExchangeOrder, Order

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class About:
    """The order that was sent (``is_answer``), or that was asked for."""

    symbol: str
    side: str
    client_order_id: str
    is_answer: bool = False

    @classmethod
    def of(cls, order: Order, leg: ExchangeOrder, *, is_answer: bool = False) -> "About":
        """The ``order`` as ``leg`` stands for it at the exchange."""
        return cls(leg.symbol, str(order.side), leg.client_order_id or "", is_answer)

    def completed(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        """``order``, a ccxt structure, as it is to be read."""
        known = {"symbol": self.symbol, "side": self.side, "clientOrderId": self.client_order_id}
        if not self.is_answer:
            left_out = [name for name in known if not order.get(name)]
            return {**order, **{name: known[name] for name in left_out}}
        of_it = known | ({"order": order["id"]} if order.get("id") else {})
        fills = [{**fill, **of_it} for fill in order.get("trades") or ()]
        return {**order, **known, "trades": fills}

    def legible(self, order: Mapping[str, Any], exchange_id: str) -> Mapping[str, Any]:
        """``order`` completed; of our own call's answer at least that it is there, and as what.

        A number in it that cannot be read must not lose the id that came with it.
        """
        completed = self.completed(order)
        if self.is_answer and order.get("id"):
            try:
                normalize.order_report(completed, exchange_id=exchange_id)
            except Unreadable as fault:
                log.error("answer.unreadable", extra={"fault": str(fault)})
                return self.completed({"id": order["id"], "info": order.get("info")})
        return completed
