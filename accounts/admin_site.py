"""The door of the back office: password, second factor, and the page where that is set up.

Django's admin site with one way in: log-ins go through ``services.identify``, so they are counted,
slowed down and asked for a second factor exactly as those of the API.
"""

from typing import Any

import segno
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import REDIRECT_FIELD_NAME, update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.safestring import mark_safe

from accounts import audit, services
from accounts.audit import Actor
from accounts.client import client_address_of, request_id_of
from accounts.models import User
from accounts.services import two_factor
from oms_project.errors import OmsError

OTP_ATTRS = {"autocomplete": "one-time-code", "inputmode": "text"}


def actor_in(request: HttpRequest) -> Actor:
    """Who acts in the admin site."""
    return Actor(request.user.pk, request.user.get_username(), None, request_id_of(request))


class LogInForm(AdminAuthenticationForm):
    """Name, password, and the one-time password of those who have a second factor."""

    otp = forms.CharField(
        label="One-time password or recovery code",
        required=False,
        max_length=32,
        widget=forms.TextInput(attrs=OTP_ATTRS),
    )

    def clean(self) -> dict[str, Any]:
        """Sets the user, or refuses as the API does.

        A role that lacks the second factor it must have passes: the site shows it the page where
        one is set up, and nothing else.
        """
        try:
            user = services.identify(
                user_name=self.cleaned_data.get("username", ""),
                password=self.cleaned_data.get("password", ""),
                otp=self.cleaned_data.get("otp"),
                address=client_address_of(self.request.META),
                may_enrol=True,
            )
        except OmsError as error:
            raise forms.ValidationError(error.message, code=error.code) from error
        self.confirm_login_allowed(user)
        self.user_cache = user
        return self.cleaned_data


class PasswordAgain(forms.Form):
    """What removing a second factor asks for."""

    password = forms.CharField(widget=forms.PasswordInput)
    otp = forms.CharField(
        label="One-time password or recovery code", max_length=32, widget=forms.TextInput(OTP_ATTRS)
    )


class BackOfficeSite(admin.AdminSite):
    """The admin site of the back office."""

    site_header = "ccxt-position back office"
    site_title = "ccxt-position"
    index_title = "Back office"
    login_form = LogInForm
    login_template = "admin/two_factor_login.html"

    def has_permission(self, request: HttpRequest) -> bool:
        """The role admin, with its second factor where it needs one."""
        return super().has_permission(request) and not two_factor.lacks_required(request.user)

    def get_urls(self) -> list[Any]:
        return [path("two-factor/", self.two_factor_view, name="two_factor"), *super().get_urls()]

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if _is_member(request) and two_factor.lacks_required(request.user):
            return HttpResponseRedirect(reverse("admin:two_factor"))
        response = super().login(request, extra_context)
        if request.method == "POST" and _is_member(request):
            audit.record(
                by=actor_in(request),
                action="logged_in",
                object_type="user",
                object_id=request.user.pk,
            )
        return response

    def two_factor_view(self, request: HttpRequest) -> HttpResponse:
        """Set up, confirm or remove one's own second factor."""
        if not _is_member(request):
            query = f"?{REDIRECT_FIELD_NAME}={request.path}"
            return HttpResponseRedirect(reverse("admin:login") + query)
        step = request.POST.get("step", "")
        # The session's user, read anew: services change the row.
        user = User.objects.get(pk=request.user.pk)
        shown = {"begin": _begin, "confirm": _confirm, "remove": _remove}.get(step, _nothing)(
            request, user
        )
        response = TemplateResponse(
            request,
            "admin/two_factor.html",
            {
                **self.each_context(request),
                "title": "Two-factor log-in",
                "user_row": user,
                "is_required": two_factor.is_required(user),
                "codes_left": two_factor.recovery_codes_left(user),
                "form": PasswordAgain(),
                **shown,
            },
        )
        add_never_cache_headers(response)
        return response


def _is_member(request: HttpRequest) -> bool:
    return request.user.is_active and request.user.is_staff


def _nothing(request: HttpRequest, user: User) -> dict[str, Any]:
    return {}


def _begin(request: HttpRequest, user: User) -> dict[str, Any]:
    try:
        return _shown(two_factor.enrol(user=user, by=actor_in(request)))
    except OmsError as error:
        messages.error(request, error.message)
        return {}


def _confirm(request: HttpRequest, user: User) -> dict[str, Any]:
    try:
        codes = two_factor.confirm(
            user=user, otp=request.POST.get("otp", "")[:32], by=actor_in(request)
        )
    except OmsError as error:
        messages.error(request, error.message)
        pending = two_factor.pending_enrolment(user)
        return _shown(pending) if pending else {}
    # Every other session of theirs has ended; this one has just shown the second factor.
    update_session_auth_hash(request, user)
    return {"recovery_codes": codes}


def _remove(request: HttpRequest, user: User) -> dict[str, Any]:
    form = PasswordAgain(request.POST)
    if not form.is_valid():
        return {"form": form}
    try:
        services.remove_own_two_factor(
            user=user,
            password=form.cleaned_data["password"],
            otp=form.cleaned_data["otp"],
            address=client_address_of(request.META),
            by=actor_in(request),
        )
    except OmsError as error:
        messages.error(request, error.message)
    else:
        update_session_auth_hash(request, user)
    return {}


def _shown(enrolment: two_factor.Enrolment) -> dict[str, Any]:
    """The secret as text and as a picture to scan."""
    picture = segno.make(enrolment.uri).svg_inline(scale=5)
    # Made of our own URI by segno: a drawing without text.
    return {"secret": enrolment.secret, "picture": mark_safe(picture)}  # noqa: S308
