"""What do the lists of the admin site have in common?

``Audited``: what is saved is in the trail, and nothing is deleted. ``Unchangeable``: rows are only
read. ``CappedPaginator``: a large table is not counted to its end.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest

from accounts import audit
from accounts.backoffice.forms import Commented, WhyAction
from accounts.backoffice.site import actor_in

ROWS_COUNTED = 10_000
_SECRET_INPUTS = frozenset({"password", "password1", "password2", "usable_password"})


class Audited:
    """Mixed into a ``ModelAdmin``: every save leaves an entry, and nothing is deleted.

    Orders, deals and the trail name these rows: they are disabled, blocked or revoked instead.
    """

    form = Commented
    action_form = WhyAction

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """The page's own, and why."""
        return [
            *super().get_fieldsets(request, obj),  # type: ignore[misc]
            ("Why", {"fields": ("comment",)}),
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)  # type: ignore[misc]
        _record_change(request, obj, form, change=change)


class Unchangeable:
    """Mixed into a ``ModelAdmin`` or an inline: rows are only read."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class CappedPaginator(Paginator):
    """Pages of the newest rows without counting a large table to its end."""

    @cached_property
    def count(self) -> int:
        """The number of rows, at most ``ROWS_COUNTED``."""
        return self.object_list[:ROWS_COUNTED].count()  # type: ignore[union-attr, call-arg]


def _record_change(request: HttpRequest, row: Model, form: Any, *, change: bool) -> None:
    """One entry that says what a form changed; of secrets only that they did."""
    names = [
        name
        for name in form.changed_data
        if name not in _SECRET_INPUTS and name != "comment" and not name.startswith("new_")
    ]
    kind = row._meta.model_name or ""
    audit.record(
        by=actor_in(request),
        action=f"{kind}_{'changed' if change else 'created'}",
        object_type=kind,
        object_id=row.pk,
        before={name: _fact(form.initial.get(name)) for name in names} if change else None,
        after={name: _fact(form.cleaned_data.get(name)) for name in names},
    )


def _fact(value: Any) -> Any:
    """A form's value as JSON can hold it."""
    if isinstance(value, Model):
        return value.pk
    if isinstance(value, Iterable) and not isinstance(value, str | dict):
        return [_fact(item) for item in value]
    return value
