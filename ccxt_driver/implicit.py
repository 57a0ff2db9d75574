"""Which implicit methods do bots call at start, and what answers them?

ccxt makes one method for each address of an exchange (``fapiPrivateGetPositionSideDual``). None of
them exists through the OMS: they would go around it. What well-known bots ask before they trade
stands in ``TABLE``, each with the unified method that knows the answer; the README shows it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ccxt.base.errors import NotSupported


class Asking(Protocol):
    """An exchange of ours, blocking or not."""

    id: str

    def oms_asked(self, name: str, shape: Callable[[Any], dict[str, Any]]) -> Callable[..., Any]:
        """An implicit method that the answer of the unified method ``name`` stands for."""


_IMPLICIT = re.compile(
    r"[a-zA-Z0-9]*?_?(public|private|sapi|fapi|dapi|papi|v\d+)\w*?_?"
    r"(get|post|put|delete|patch)(_?\w+)?",
    re.I,
)


def _position_side(answer: Any) -> dict[str, Any]:
    return {"dualSidePosition": bool(answer["hedged"])}


def _single_asset(_answer: Any) -> dict[str, Any]:
    """No unified method tells; the OMS counts margin per position, in its settle currency."""
    return {"multiAssetsMargin": False}


# By the name without its underscores and in small letters.
TABLE: Mapping[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    "fapiprivategetpositionsidedual": ("fetchPositionMode", _position_side),
    "fapiprivategetmultiassetsmargin": ("fetchPositionMode", _single_asset),
}


def is_one(name: str) -> bool:
    """Whether ccxt could have such an implicit method."""
    return _IMPLICIT.fullmatch(name) is not None


def method(exchange: Asking, name: str) -> Callable[..., Any]:
    """What is called by that name: the table's answer, or a refusal."""
    known = TABLE.get(name.replace("_", "").lower())
    if known is None:

        def refuse(*_args: Any, **_kwargs: Any) -> Any:
            raise NotSupported(f"{exchange.id} {name}() would go around the OMS")

        return refuse
    return exchange.oms_asked(*known)
