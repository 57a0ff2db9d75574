"""Which request is being worked on? Every log line that comes of it says so.

A leaf: standard library only. The id travels with the context, also onto the threads of
``positions.api.pool``.
"""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_ACCEPTABLE = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_present: ContextVar[str] = ContextVar("request_id", default="")


def chosen_request_id(given: str | None) -> str:
    """The caller's own id where it is short and plain, else a new one."""
    return given if given and _ACCEPTABLE.fullmatch(given) else uuid.uuid4().hex


@contextmanager
def working_on(request_id: str) -> Iterator[None]:
    """Whatever is logged inside belongs to this request."""
    before = _present.set(request_id)
    try:
        yield
    finally:
        _present.reset(before)


def add_request_id(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """A step of the log: names the request where there is one and the line names none."""
    if request_id := _present.get():
        event.setdefault("request_id", request_id)
    return event
