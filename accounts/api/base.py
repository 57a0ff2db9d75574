"""What do all views of ``accounts`` have in common?"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api.bodies import CommentedBody, read_body
from accounts.api.serializers import ErrorBody
from accounts.audit import Actor
from accounts.callers.authentication import KeyAuthentication, caller_of
from accounts.callers.client import request_id_of
from accounts.rights.permissions import require_admin

_TITLES = {
    400: "The body is not valid JSON.",
    401: "No key, or a wrong one.",
    403: "The role or the key does not allow this.",
    404: "It does not exist, or it is someone else's.",
    409: "The present state does not allow this.",
    413: "The body is too large.",
    415: "Not application/json.",
    422: "A value is not acceptable: `details` names field, limit and value.",
    429: "Too many failed log-ins; see Retry-After.",
    502: "The exchange answered with an error.",
    503: "The exchange cannot be reached, or has no login here.",
    504: "The exchange did not answer in time.",
}
WITH_BODY = (400, 413, 415, 422)


def answers(statuses: Mapping[int, Any], *errors: int) -> dict[int, Any]:
    """The responses of an operation for the OpenAPI document, errors included."""
    return {
        **statuses,
        **{
            status: OpenApiResponse(ErrorBody, description=_TITLES[status])
            for status in (401, *errors)
        },
    }


def actor_of(request: Request) -> Actor:
    """Who acts, for the audit trail."""
    return Actor.from_caller(caller_of(request), request_id_of(request))


def read_act(body: type[CommentedBody], request: Request) -> tuple[dict[str, Any], Actor]:
    """The body without its comment, and who acts, with it.

    Raises:
        Invalid: as ``read_body``.
    """
    fields = read_body(body, request)
    comment = fields.pop("comment", "").strip()
    return fields, replace(actor_of(request), comment=comment)


class KeyedView(APIView):
    """A view that needs a key; what the key may do is asked object by object."""

    authentication_classes = (KeyAuthentication,)
    permission_classes: ClassVar[tuple[()]] = ()  # type: ignore[assignment]


class AdminView(KeyedView):
    """A view of the back office: for the role admin, whatever is asked."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require_admin(caller_of(request))
