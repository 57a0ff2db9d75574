"""Which views has a user kept, and which do others share with them?

A shared view is told to whoever may read every account that it names, and to nobody whose key is
restricted to strategies: a name is text that somebody else wrote.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from accounts.personal.models import SavedView
from accounts.rights.permissions import Caller, require_read_all
from oms_project.errors import Conflict, Invalid, NotFound

MOST_VIEWS = 200


def views_of(caller: Caller) -> QuerySet[SavedView]:
    """The caller's own views and those shared with them, newest first."""
    seen = Q(user_id=caller.user_id)
    if not caller.is_restricted:
        shared = SavedView.objects.filter(is_shared=True).exclude(user_id=caller.user_id)
        allowed = caller.account_ids()
        told = [
            number
            for number, named in shared.values_list("pk", "account_ids")
            if allowed.issuperset(named)
        ]
        seen |= Q(pk__in=told)
    return SavedView.objects.filter(seen).select_related("user").order_by("-id")


def save_view(caller: Caller, fields: Mapping[str, Any]) -> SavedView:
    """A new view of the caller.

    Raises:
        Conflict: they have one of that page and name already.
        Invalid: they have too many, or ``query`` names no accounts that can be read.
        AccountNotFound: ``query`` names an account that is not theirs.
    """
    if SavedView.objects.filter(user_id=caller.user_id).count() >= MOST_VIEWS:
        raise Invalid("There are too many views.", field="views", limit=MOST_VIEWS)
    return _written(SavedView(user_id=caller.user_id), caller, fields)


def change_view(caller: Caller, view_id: int, changes: Mapping[str, Any]) -> SavedView:
    """One of the caller's own views, changed.

    Raises:
        NotFound: they have no such view.
        Conflict, Invalid, AccountNotFound: as ``save_view``.
    """
    return _written(_own(caller, view_id), caller, changes)


def delete_view(caller: Caller, view_id: int) -> None:
    """The view is gone.

    Raises:
        NotFound: the caller has no such view.
    """
    _own(caller, view_id).delete()


def _own(caller: Caller, view_id: int) -> SavedView:
    view = SavedView.objects.filter(pk=view_id, user_id=caller.user_id).first()
    if view is None:
        raise NotFound("You have no such view.", id=view_id)
    return view


def _written(view: SavedView, caller: Caller, fields: Mapping[str, Any]) -> SavedView:
    for name, value in fields.items():
        setattr(view, name, value)
    view.account_ids = _accounts_in(view.query)
    require_read_all(caller, view.account_ids)
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise Conflict("You have a view of this name already.", field="name",
                       value=view.name) from error  # fmt: skip
    return view


def _accounts_in(query: str) -> list[int]:
    text = ",".join(parse_qs(query).get("accounts", []))
    parts = [part for part in text.split(",") if part]
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        raise Invalid("accounts is a list of ids separated by commas.", field="query",
                      limit="accounts=1,2", value=text[:64])  # fmt: skip
    return sorted({int(part) for part in parts})
