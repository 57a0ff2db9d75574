"""What is known about one connection? A leaf: standard library only.

The port makes it and puts it into the ASGI scope as ``oms.visit``; whoever recognises the caller
says so, from any thread.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False, slots=True)
class Visit:
    """One connection: whose it is, as far as it was shown.

    ``caller`` is who sent the request that is being answered, where the port has asked already.
    """

    on_key: Callable[[], None] = field(default=lambda: None)
    user_id: int | None = None
    caller: Any = None

    @property
    def has_key(self) -> bool:
        """Whether a good key was shown on it."""
        return self.user_id is not None

    def recognise(self, user_id: int) -> None:
        """A good key of this user was shown."""
        is_new = self.user_id is None
        self.user_id = user_id
        if is_new:
            self.on_key()


def visit_in(scope: Mapping[str, Any]) -> Visit:
    """The visit that a request or socket belongs to; one of its own where there is no port."""
    found = scope.get("oms.visit")
    return found if isinstance(found, Visit) else Visit()
