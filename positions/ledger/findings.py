"""How is a difference named?"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from positions.engine.money import plain


class Finding(NamedTuple):
    """One difference: which row, which field, what is stored and what the ledger says.

    ``row`` names it as a person would look for it: ``deal 17``, ``execution 3``.
    """

    account_id: int
    row: str
    field: str
    live: str
    rebuilt: str


Report = Callable[[Finding], None]
"""Where findings go; a broken ledger has more of them than should be kept in memory."""

Seen = Callable[[int], None]
"""Told how many booking numbers were looked at since it was told last."""


def shown(value: Any) -> str:
    """A value as clients read it."""
    if value is None:
        return "null"
    return plain(value) if isinstance(value, Decimal) else str(value)
