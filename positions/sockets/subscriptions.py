"""What of an account's log is one socket entitled to, and what had it last?"""

from dataclasses import dataclass, field

from positions.sockets.messages import LoggedEvent
from positions.sockets.outlet import Outlet


@dataclass(eq=False, slots=True)
class Subscription:
    """One account on one socket. ``strategies``: those the key may read, ``None`` for all.

    ``at``: everything up to this event was looked at. ``last``: the newest one that was sent, or
    where the subscription began.
    """

    account_id: int
    namespaces: frozenset[str]
    strategies: frozenset[int] | None
    at: int
    outlet: Outlet
    user_id: int
    last: int = field(init=False)

    def __post_init__(self) -> None:
        self.last = self.at

    def deliver(self, events: list[LoggedEvent]) -> None:
        """Send those of the events that are new here and may be seen; ``events`` have no holes."""
        for event in events:
            if event.seq <= self.at:
                continue
            self.at = event.seq
            if self._may_see(event):
                self.outlet.put(event.text(self.last))
                self.last = event.seq

    def _may_see(self, event: LoggedEvent) -> bool:
        return event.namespace in self.namespaces and (
            self.strategies is None or not self.strategies.isdisjoint(event.strategy_ids)
        )
