"""May this order pass? The implementation of the risk port."""

from positions.ports import Intent


class Gate:
    """Every limit is off until somebody sets it, and there are none to set yet: orders pass."""

    def check(self, intent: Intent) -> None:
        """Let the order pass."""
