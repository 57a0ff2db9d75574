"""Which addresses are there, and which methods does each know? Read from the URL configuration."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import get_resolver

# Served by others: the admin site has tests of its own.
ELSEWHERE = ("admin/",)
_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, order=True)
class Route:
    """One method of one address; parameters without their types: ``/oms/orders/{ids}``."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def routes() -> list[Route]:
    """Every route of the project."""
    return sorted(
        Route(method, path) for path, view in _views(get_resolver()) for method in methods_of(view)
    )


def paths() -> dict[str, Any]:
    """Every address with its view."""
    return dict(_views(get_resolver()))


def methods_of(view: Any) -> list[str]:
    """The methods a view knows; a plain function is asked by GET."""
    kind = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if kind is None:
        return ["GET"]
    return [method.upper() for method in _METHODS if hasattr(kind, method)]


def _views(resolver: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for entry in resolver.url_patterns:
        pattern = prefix + str(entry.pattern)
        if pattern.startswith(ELSEWHERE):
            continue
        if hasattr(entry, "url_patterns"):
            yield from _views(entry, pattern)
        else:
            yield "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", pattern), entry.callback
