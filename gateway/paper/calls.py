"""One request as the markets see it, and the routes by which it reaches them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto

from gateway.paper.errors import VenueError, illegal, missing
from gateway.paper.logins import Login

AMOUNT = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
CLIENT_ID = r"^[a-zA-Z0-9-_]{1,36}$"
SYMBOL = r"^[A-Z0-9-_.]{1,20}$"


@dataclass(slots=True)
class Call:
    """A request's words. ``login`` is set once the key, and where needed the signature, held."""

    method: str
    path: str
    params: dict[str, str]
    now_ms: int
    login: Login | None = None

    def text(self, name: str, default: str | None = None) -> str | None:
        """A parameter as sent; an empty one counts as not sent."""
        return self.params.get(name) or default

    def need(self, name: str) -> str:
        """A parameter that must be there.

        Raises:
            VenueError: -1102, it is not.
        """
        value = self.params.get(name)
        if not value:
            raise missing(name)
        return value

    def number(self, name: str, default: int | None = None) -> int | None:
        """A whole number.

        Raises:
            VenueError: -1100, it is none.
        """
        value = self.text(name)
        if value is None:
            return default
        if not re.fullmatch(r"-?[0-9]{1,19}", value):
            raise illegal(name, "^[0-9]{1,20}$")
        return int(value)

    def limit(self, default: int, most: int) -> int:
        """The ``limit`` parameter, cut to what the venue gives at most."""
        value = self.number("limit", default)
        if value <= 0:
            raise illegal("limit", "^[0-9]{1,20}$")
        return min(value, most)

    def amount(self, name: str) -> Decimal | None:
        """A positive decimal number.

        Raises:
            VenueError: -1100, it is none.
        """
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(AMOUNT, value):
            raise illegal(name, AMOUNT)
        return Decimal(value)

    def matching(self, name: str, legal: str) -> str | None:
        """A text of legal characters.

        Raises:
            VenueError: -1100, it has others.
        """
        value = self.text(name)
        if value is not None and not re.fullmatch(legal, value):
            raise illegal(name, legal)
        return value

    def one_of(self, name: str, kind: type[Enum], code: int, msg: str) -> Enum:
        """A word of an enumeration that must be there.

        Raises:
            VenueError: -1102 when it is missing, ``code`` when it is another word.
        """
        word = self.need(name)
        if word not in kind.__members__:
            raise VenueError(code, msg)
        return kind[word]


class Access(Enum):
    """What a route asks of the caller."""

    PUBLIC = auto()
    KEY = auto()
    SIGNED = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """A handler's answer where the HTTP status is not 200."""

    status: int
    body: object


Handler = Callable[[Call], object]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and path, who may call it and what it weighs.

    ``changes`` routes run inside a transaction. ``limiter`` names the limits that the weight counts
    against. ``sends`` gives the client order ids of the orders that a call tries to place, an empty
    text where the client gave none.
    """

    method: str
    path: str
    handler: Handler
    access: Access = Access.PUBLIC
    weight: int | Callable[[Call], int] = 1
    changes: bool = False
    limiter: str = "spot"
    sends: Callable[[Call], list[str]] | None = None

    def weighs(self, call: Call) -> int:
        return self.weight if isinstance(self.weight, int) else self.weight(call)
