"""What is ccxt called with?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """A ccxt method and what it is called with."""

    method: str
    args: tuple[Any, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
