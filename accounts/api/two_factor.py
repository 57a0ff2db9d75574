"""The user's own second factor over REST."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED

from accounts import selectors, services
from accounts.api import serializers as shapes
from accounts.api.base import WITH_BODY, KeyedView, actor_of, answers
from accounts.api.bodies import read_body
from accounts.callers import second_factor
from accounts.callers.authentication import caller_of
from accounts.callers.client import client_address_of
from accounts.services import two_factor


class TwoFactor(KeyedView):
    """``/user/two-factor``"""

    @extend_schema(
        operation_id="read_two_factor",
        tags=["user"],
        responses=answers({200: shapes.TwoFactorAnswer}),
    )
    def get(self, request: Request) -> Response:
        """Whether the user's log-ins need a second factor."""
        user = selectors.user_of(caller_of(request))
        facts = {
            "enabled": user.has_two_factor,
            "required": second_factor.is_required(user),
            "since": user.two_factor_since,
            "recovery_codes_left": two_factor.recovery_codes_left(user),
        }
        return Response(shapes.TwoFactorAnswer(facts).data)

    @extend_schema(
        operation_id="enrol_two_factor",
        tags=["user"],
        request=shapes.EnrolBody,
        responses=answers({201: shapes.EnrolmentAnswer}, *WITH_BODY, 409, 429),
    )
    def post(self, request: Request) -> Response:
        """Begin to set up an authenticator; it counts once a password of it is confirmed."""
        body = read_body(shapes.EnrolBody, request)
        enrolment = services.enrol_own_two_factor(
            user=selectors.user_of(caller_of(request)),
            password=body["current_password"],
            address=client_address_of(request.META),
            by=actor_of(request),
        )
        return Response(shapes.EnrolmentAnswer(enrolment).data, status=HTTP_201_CREATED)


class TwoFactorConfirm(KeyedView):
    """``POST /user/two-factor/confirm``"""

    @extend_schema(
        operation_id="confirm_two_factor",
        tags=["user"],
        request=shapes.ConfirmBody,
        responses=answers({200: shapes.RecoveryCodesAnswer}, *WITH_BODY, 409, 429),
    )
    def post(self, request: Request) -> Response:
        """Log-ins need the authenticator from now on; every log-in of the user ends."""
        body = read_body(shapes.ConfirmBody, request)
        codes = services.confirm_own_two_factor(
            user=selectors.user_of(caller_of(request)),
            password=body["current_password"],
            otp=body["otp"],
            address=client_address_of(request.META),
            by=actor_of(request),
        )
        return Response({"recovery_codes": codes})


class TwoFactorRemove(KeyedView):
    """``POST /user/two-factor/remove``"""

    @extend_schema(
        operation_id="remove_two_factor",
        tags=["user"],
        request=shapes.RemoveTwoFactorBody,
        responses=answers({200: shapes.TwoFactorAnswer}, *WITH_BODY, 409, 429),
    )
    def post(self, request: Request) -> Response:
        """Do without the authenticator again; every log-in of the user ends."""
        body = read_body(shapes.RemoveTwoFactorBody, request)
        services.remove_own_two_factor(
            user=selectors.user_of(caller_of(request)),
            password=body["current_password"],
            otp=body["otp"],
            address=client_address_of(request.META),
            by=actor_of(request),
        )
        facts = {"enabled": False, "required": False, "since": None, "recovery_codes_left": 0}
        return Response(shapes.TwoFactorAnswer(facts).data)
