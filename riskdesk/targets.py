"""What is a halt or a limit about?"""

from dataclasses import dataclass

from riskdesk.words import Scope


@dataclass(frozen=True, slots=True)
class Target:
    """What a control is about on its account; ``name`` is a strategy id, a symbol or a key id."""

    scope: Scope
    name: str = ""

    @property
    def strategy_id(self) -> int:
        """The strategy that the event belongs to; 0 where it is about more than one."""
        return int(self.name) if self.scope is Scope.STRATEGY else 0


WHOLE_ACCOUNT = Target(Scope.ACCOUNT)
