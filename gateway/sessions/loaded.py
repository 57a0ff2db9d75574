"""What is kept of an exchange's list of markets once it is loaded?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from gateway.exchanges.gone import put_back
from gateway.exchanges.limits import Limit
from positions.ports import MarketRules


@dataclass(frozen=True, slots=True)
class Loaded:
    """One exchange's markets, parsed once and shared by all its sessions in this process."""

    attributes: Mapping[str, Any]
    options: Mapping[str, Any]
    rules: tuple[MarketRules, ...]
    limits: tuple[Limit, ...] = ()
    loaded_at_s: float = field(default_factory=monotonic)

    def with_gone(self, gone: Iterable[MarketRules]) -> "Loaded":
        """The same, with markets that the exchange does not list any more (``exchanges.gone``)."""
        return replace(self, attributes=put_back(self.attributes, gone))
