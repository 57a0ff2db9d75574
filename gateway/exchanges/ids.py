"""By which ids does an answer of the exchange name an order?

As text, since some exchanges give numbers.
"""

from collections.abc import Mapping
from typing import Any

from gateway.exchanges import capabilities


def id_text(value: Any) -> str | None:
    """An id as text; ``None`` where nothing was said."""
    return None if value is None or value == "" else str(value)


def their_id(structure: Mapping[str, Any]) -> str | None:
    """The exchange's id of an order or a trade."""
    return id_text(structure.get("id"))


def our_id(structure: Mapping[str, Any], exchange_id: str) -> str | None:
    """The client order id, as we gave it (gate: without ccxt's ``t-`` in front)."""
    known = capabilities.facts(exchange_id)
    info = structure.get("info")
    original = info.get(known.original_id_key) if isinstance(info, Mapping) else None
    text = id_text(original) or id_text(structure.get("clientOrderId"))
    prefix = known.client_id_prefix
    return text.removeprefix(prefix) if text and prefix else text
