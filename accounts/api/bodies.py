"""What is in a request body, and is it acceptable?

``read_body`` is how every view of ours reads one: fields that the serializer does not name are
refused, and the first problem becomes ``Invalid`` with field, limit and value. Values of secrets,
and of whatever lies inside them, are never repeated.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request

from accounts.api.limits import UNKNOWN, limit_of, told_value
from accounts.rights.permissions import AccountRights, StrategyRights
from accounts.words import LONGEST_COMMENT, Right
from oms_project.errors import Invalid

SECRET_FIELDS = frozenset({"password", "current_password", "new_password", "otp", "credentials"})


class Body(serializers.Serializer[Any]):
    """A serializer that refuses fields it does not name; nested ones do too."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            for name in data:
                if name not in self.fields:
                    unknown = ErrorDetail("This field is not known.", code=UNKNOWN)
                    raise serializers.ValidationError({str(name): [unknown]})
        return super().to_internal_value(data)


class CommentedBody(Body):
    """A body of the back office: it may say why."""

    comment = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=LONGEST_COMMENT,
        help_text="Why; kept in the audit trail.",
    )


class UtcField(serializers.DateTimeField):
    """ISO 8601 in UTC with six digits and Z, as everywhere in the API."""

    def to_representation(self, value: datetime | None) -> str | None:
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if value else None


def read_body(serializer: type[Body], request: Request, *, partial: bool = False) -> dict[str, Any]:
    """The validated body; with ``partial`` only the fields that were given.

    Raises:
        Invalid: not an object, an unknown field, a missing field or a wrong value.
    """
    if not isinstance(request.data, Mapping):
        raise Invalid("Send a JSON object.", field="body", limit="object")
    body = serializer(data=request.data, partial=partial)
    if not body.is_valid():
        field, problem = _first_problem(body.errors)
        facts = {"field": field, "limit": limit_of(body, field, problem)}
        if not _is_secret(field):
            facts["value"] = told_value(_value_at(request.data, field), problem)
        raise Invalid(str(problem), **facts)
    return dict(body.validated_data)


def grants_in(permissions: list[dict[str, Any]]) -> dict[int, AccountRights]:
    """The rights in the ``permissions`` of a body, by account.

    Raises:
        Invalid: an account is named twice.
    """
    grants = {row["account_id"]: _rights_in(row) for row in permissions}
    if len(grants) < len(permissions):
        raise Invalid("Name each account once.", field="permissions", limit="one per account")
    return grants


def strategies_in(rows: list[dict[str, Any]]) -> dict[int, StrategyRights]:
    """The ``strategies`` of one permission, by strategy."""
    return {
        row["strategy_id"]: StrategyRights(can_read=row["can_read"], can_trade=row["can_trade"])
        for row in rows
    }


def _rights_in(row: dict[str, Any]) -> AccountRights:
    granted = frozenset(right for right in Right if row[right])
    if not row["restrict_to_strategies"]:
        return AccountRights(granted)
    return AccountRights(granted, strategies_in(row.get("strategies", [])))


def _first_problem(errors: Any, path: str = "") -> tuple[str, ErrorDetail]:
    """The path of the first error, such as ``permissions.0.account_id``, and what it says."""
    if isinstance(errors, Mapping):
        name, inner = next(iter(errors.items()))
        # DRF's name for what is wrong with the whole.
        steps = [path, "" if name == "non_field_errors" else str(name)]
        return _first_problem(inner, ".".join(filter(None, steps)))
    if isinstance(errors, list) and errors and isinstance(errors[0], Mapping):
        place, inner = next((place, inner) for place, inner in enumerate(errors) if inner)
        return _first_problem(inner, f"{path}.{place}")
    return path, errors[0]


def _is_secret(field: str) -> bool:
    return not SECRET_FIELDS.isdisjoint(field.split("."))


def _value_at(data: Any, path: str) -> Any:
    for name in path.split("."):
        if isinstance(data, Mapping):
            data = data.get(name)
        elif isinstance(data, list) and name.isdigit() and int(name) < len(data):
            data = data[int(name)]
        else:
            return None
    return data
