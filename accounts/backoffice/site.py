"""The door of all pages: password, second factor, and the page where that is set up.

One log-in for every role, with a choice of language; what a role may then open is its pages'
business, and the back office is for the role admin. Log-ins go through ``services.identify``, so
they are counted, slowed down and asked for a second factor exactly as those of the API.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import segno
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import REDIRECT_FIELD_NAME, update_session_auth_hash
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import Resolver404, path, resolve, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.utils.translation import activate, get_language
from django.utils.translation import gettext_lazy as _

from accounts import audit, services
from accounts.audit import Actor
from accounts.callers import browser_sessions, second_factor
from accounts.callers.client import client_address_of, request_id_of
from accounts.models import User
from accounts.personal.settings import change_settings, settings_of
from accounts.services import two_factor
from accounts.words import LONGEST_COMMENT
from oms_project.errors import Invalid, OmsError

# Pages of ours that a log-in may lead to, besides those of the back office and the screens.
PAGES = {"home", "docs"}
# Addresses of the back office and of the screens that are no pages.
NO_PAGES = {"login", "logout", "jsi18n", "autocomplete", "view_on_site", None, "words",
            "choose-key", "choose-language"}  # fmt: skip
COOKIE_LIFE_S = 365 * 24 * 3600
OTP_ATTRS = {"autocomplete": "one-time-code", "inputmode": "text"}


def actor_in(request: HttpRequest) -> Actor:
    """Who acts in the admin site."""
    return Actor(
        request.user.pk,
        request.user.get_username(),
        request_id=request_id_of(request),
        address=client_address_of(request.META),
        comment=str(request.POST.get("comment", "")).strip()[:LONGEST_COMMENT],
    )


class LogInForm(AdminAuthenticationForm):
    """Name, password, and the one-time password of those who have a second factor."""

    otp = forms.CharField(
        label=_("One-time password or recovery code"),
        required=False,
        max_length=32,
        widget=forms.TextInput(attrs=OTP_ATTRS),
    )
    language = forms.ChoiceField(
        choices=settings.LANGUAGES, required=False, widget=forms.HiddenInput
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
            raise forms.ValidationError(_refused(error), code=error.code) from error
        self.user_cache = user
        return self.cleaned_data


def _refused(error: OmsError) -> Any:
    """What a person is told; what a code does not say, the message does."""
    told = {
        "invalid_login": _("Name, password or one-time password is wrong."),
        "two_factor_required": _("Give the one-time password that your authenticator shows."),
        "rate_limited": _("Too many failed log-ins. Wait a few minutes."),
    }
    return told.get(error.code, error.message)


class PasswordForm(forms.Form):
    """What beginning to set up a second factor asks for."""

    password = forms.CharField(
        label=_("Password"), widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )


class PasswordAgain(PasswordForm):
    """What confirming and removing one ask for."""

    otp = forms.CharField(
        label=_("One-time password or recovery code"),
        max_length=32,
        widget=forms.TextInput(OTP_ATTRS),
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
        return super().has_permission(request) and not second_factor.lacks_required(request.user)

    def get_urls(self) -> list[Any]:
        return [
            path("two-factor/", self.two_factor_view, name="two_factor"),
            path("logout/", self.logout, name="logout"),
            *super().get_urls(),
        ]

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """As Django's; whoever is logged in and may not is told so, not asked to log in again."""
        asked = super().admin_view(view, cacheable)

        @wraps(asked)
        def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            user = request.user
            if _is_inside(request) and not user.is_staff and not second_factor.lacks_required(user):
                if request.path == reverse("admin:index"):
                    return HttpResponseRedirect(_start())
                raise PermissionDenied
            return asked(request, *args, **kwargs)

        return shown

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The log-in of every role; it leads to the page asked for, or where the role begins."""
        if _is_inside(request) and second_factor.lacks_required(request.user):
            return HttpResponseRedirect(reverse("admin:two_factor"))
        _lead_to_a_page(request)
        if request.method == "GET" and _is_inside(request):
            return HttpResponseRedirect(request.GET.get(REDIRECT_FIELD_NAME) or _start())
        chosen = _language_in(request)
        if chosen:
            activate(chosen)
        context = {"languages": settings.LANGUAGES, "language": get_language(), "chosen": chosen}
        # Django's own turns away who is no admin before it looks at the form.
        response = LoginView.as_view(
            template_name=self.login_template,
            authentication_form=self.login_form,
            extra_context={**self.each_context(request), **context, **(extra_context or {})},
        )(request)
        if request.method == "POST" and _is_inside(request):
            audit.record(
                by=actor_in(request),
                action="logged_in",
                object_type="user",
                object_id=request.user.pk,
            )
            chosen = _take_in(request, chosen)
        if chosen:
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                chosen,
                max_age=COOKIE_LIFE_S,
                samesite="Lax",
                httponly=True,
                secure=settings.SESSION_COOKIE_SECURE,
            )
        return response

    def logout(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The session of any role ends."""
        return LogoutView.as_view(next_page=reverse("admin:login"))(request)

    def two_factor_view(self, request: HttpRequest) -> HttpResponse:
        """Set up, confirm or remove one's own second factor."""
        if not _is_inside(request):
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
                "title": _("Second factor"),
                "user_row": user,
                "is_required": second_factor.is_required(user),
                "codes_left": two_factor.recovery_codes_left(user),
                "form": PasswordAgain(),
                "begin_form": PasswordForm(),
                "start": _start(),
                **shown,
            },
        )
        add_never_cache_headers(response)
        return response


def _lead_to_a_page(request: HttpRequest) -> None:
    """Whoever logs in comes to a page of ours, whatever address they were sent here with."""
    for name in ("GET", "POST"):
        given = getattr(request, name)
        target = given.get(REDIRECT_FIELD_NAME)
        if target is not None and not is_page(target):
            given = given.copy()
            given[REDIRECT_FIELD_NAME] = _start()
            setattr(request, name, given)


def is_page(target: str) -> bool:
    """Whether ``target`` is the address of a page of ours that a browser can show."""
    if not url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        return False
    try:
        match = resolve(urlsplit(target).path)
    except (Resolver404, ValueError):
        return False
    if match.app_names in (["admin"], ["desk"]):
        return match.url_name not in NO_PAGES
    return match.view_name in PAGES


def _start() -> str:
    return str(settings.LOGIN_REDIRECT_URL)


def _language_in(request: HttpRequest) -> str | None:
    """The language that was chosen on this page, None where none was."""
    wanted = request.POST.get("language") or request.GET.get("language")
    return wanted if wanted in dict(settings.LANGUAGES) else None


def _take_in(request: HttpRequest, chosen: str | None) -> str | None:
    """The session acts through the key of the user's settings; returns the language of its pages.

    A language chosen at the log-in is kept for the user.
    """
    own = settings_of(request.user.pk)
    if own["api_key_id"] is not None:
        request.session[browser_sessions.KEY_IN_SESSION] = own["api_key_id"]
    if chosen and chosen != own["language"]:
        change_settings(request.user.pk, {"language": chosen})
    return chosen or own["language"]


def _is_inside(request: HttpRequest) -> bool:
    return request.user.is_authenticated and request.user.is_active


def _nothing(request: HttpRequest, user: User) -> dict[str, Any]:
    return {}


def _begin(request: HttpRequest, user: User) -> dict[str, Any]:
    form = PasswordForm(request.POST)
    if not form.is_valid():
        return {"begin_form": form}
    try:
        enrolment = services.enrol_own_two_factor(
            user=user,
            password=form.cleaned_data["password"],
            address=client_address_of(request.META),
            by=actor_in(request),
        )
    except OmsError as error:
        messages.error(request, error.message)
        return {}
    return _shown(enrolment)


def _confirm(request: HttpRequest, user: User) -> dict[str, Any]:
    form = PasswordAgain(request.POST)
    if not form.is_valid():
        messages.error(request, _("Give the password and what the app shows; begin again."))
        return {}
    try:
        codes = services.confirm_own_two_factor(
            user=user,
            password=form.cleaned_data["password"],
            otp=form.cleaned_data["otp"],
            address=client_address_of(request.META),
            by=actor_in(request),
        )
    except Invalid as error:
        # The password was right, so the secret may be shown again.
        messages.error(request, error.message)
        pending = two_factor.pending_enrolment(user)
        return _shown(pending) if pending else {}
    except OmsError as error:
        messages.error(request, error.message)
        return {}
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
