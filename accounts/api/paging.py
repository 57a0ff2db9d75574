"""Which page of a list is asked for?

Newest id first; the cursor is the last id of the page before, so rows that arrive meanwhile neither
repeat nor hide others.
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from oms_project.errors import Invalid

DEFAULT_LIMIT = 100
LIMIT = 5000

PAGING_PARAMETERS = [
    OpenApiParameter("limit", int, description=f"Rows at most, up to {LIMIT}; {DEFAULT_LIMIT}."),
    OpenApiParameter("cursor", str, description="The `next_cursor` of the page before."),
]


def page_of(
    rows: QuerySet[Any], request: Request, *, filters: Iterable[str] = ()
) -> tuple[list[Any], str | None]:
    """One page of ``rows``, which are ordered by ``-id``, and the cursor of the next, if any.

    ``filters`` name the id columns that the query may choose by.

    Raises:
        Invalid: a parameter is unknown, so that a mistyped one never widens a list, or wrong.
    """
    known = {"limit", "cursor", *filters}
    for name in request.query_params:
        if name not in known:
            raise Invalid("There is no such parameter.", field=name[:64], limit=sorted(known))
    for name in filters:
        if wanted := _whole_number(request, name, default=0, low=1, high=2**63 - 1):
            rows = rows.filter(**{name: wanted})
    limit = _whole_number(request, "limit", default=DEFAULT_LIMIT, low=1, high=LIMIT)
    cursor = _whole_number(request, "cursor", default=0, low=1, high=2**63 - 1)
    if cursor:
        rows = rows.filter(pk__lt=cursor)
    page = list(rows[: limit + 1])
    more = len(page) > limit
    return page[:limit], str(page[limit - 1].pk) if more else None


def _whole_number(request: Request, name: str, *, default: int, low: int, high: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    # No longer than the longest number that fits, so that a long run of digits costs nothing.
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(high))
    if not is_number or not low <= int(text) <= high:
        raise Invalid(
            f"{name} is a whole number from {low} to {high}.",
            field=name,
            limit=[low, high],
            value=text,
        )
    return int(text)
