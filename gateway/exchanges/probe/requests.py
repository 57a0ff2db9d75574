"""What would have left, and what of it is owed to one parameter?"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One request before its signature; ``fault``: why it could not be signed."""

    method: str
    path: str
    params: Any = field(default_factory=dict)
    body: Any = None

    @property
    def fields(self) -> dict[str, str]:
        """Every value by the path to it."""
        said = dict(_flat("", self.params)) | dict(_flat("body", self.body))
        return said | {"": f"{self.method} {self.path}"}

    @property
    def has_empty_id(self) -> bool:
        """Whether a name of an order is sent without saying which."""
        holes = re.findall(r"{(\w+)}", self.path)
        values = self.fields
        return any(
            value == "" and (last_name(path) in holes or re.search("id|order|no$", path, re.I))
            for path, value in values.items()
        )


@dataclass(frozen=True, slots=True)
class Sent:
    """What a call would have sent, or the exception that kept it from it.

    ``looked_for``: the names that the class asked for before the first request left.
    """

    requests: tuple[Request, ...]
    looked_for: frozenset[str]
    fault: str = ""
    answer: Any = None

    @property
    def fields(self) -> dict[str, str]:
        """Every value of every request, by the path to it."""
        return {
            f"{number}{name}": value
            for number, request in enumerate(self.requests)
            for name, value in request.fields.items()
        }

    @property
    def acting(self) -> Request | None:
        """The request that gives the order: the last that is no plain read."""
        acts = [request for request in self.requests if request.method != "GET"]
        return (acts or list(self.requests) or [None])[-1]

    def has_digits(self, number: str) -> bool:
        """Whether ``number`` stands in it, in whatever unit."""
        return bool(self.holding(number))

    def holding(self, number: str) -> list[str]:
        """The names under which ``number`` stands, in whatever unit."""
        wanted = _digits(number)
        return [name for name, value in self.fields.items() if _digits(value) == wanted]

    def says(self, text: str) -> bool:
        """Whether ``text`` stands in it, letter by letter."""
        return any(text in value for value in self.fields.values())


def changed(before: Sent, after: Sent) -> dict[str, str]:
    """The fields of ``after`` that ``before`` has not, or not so."""
    known = before.fields
    return {name: value for name, value in after.fields.items() if known.get(name) != value}


def gone(before: Sent, after: Sent) -> set[str]:
    """The fields that only ``before`` has."""
    return before.fields.keys() - after.fields.keys()


def last_name(path: str) -> str:
    """``0.order.clOrdId`` → ``clOrdId``."""
    return path.rpartition(".")[2]


def _digits(text: str) -> str:
    """A number's significant digits, whatever its unit; nothing for what is no number."""
    found = re.fullmatch(r"[-+]?(\d*\.?\d+)(e-?\d+)?%?", text.strip().lower())
    return found.group(1).replace(".", "").strip("0") if found else ""


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        items: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list | tuple) and value:
        items = enumerate(value)
    else:
        if value is not None:
            yield name, str(value)
        return
    for key, inner in items:
        yield from _flat(f"{name}.{key}", inner)
