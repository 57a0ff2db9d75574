"""The back office for people: users, exchange accounts, keys, strategies and the audit trail.

Whatever changes here is in the trail. Nothing secret is ever shown, but a new key once. What only
the risk desk or a flat account may change is read-only.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.db.models import QuerySet
from django.forms import BaseModelFormSet, ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_POST

from accounts import audit, services
from accounts.backoffice.forms import (
    AccountForm,
    KeyForm,
    NewKeyForm,
    NewUserForm,
    UserForm,
)
from accounts.backoffice.lists import Audited, CappedPaginator, Unchangeable
from accounts.backoffice.site import actor_in
from accounts.callers.authentication import rights_of
from accounts.credentials import state_of
from accounts.models import (
    Account,
    ApiKey,
    AuditEntry,
    KeyPermission,
    KeyStrategy,
    Refusal,
    Strategy,
    User,
)
from accounts.services import connection, two_factor
from accounts.services.keys import as_facts
from accounts.words import LoginPart, Right
from oms_project.errors import OmsError


@admin.register(User)
class Users(Audited, UserAdmin):
    """Users and their roles. Staff rights follow from the role; groups are not used."""

    form = UserForm
    add_form = NewUserForm
    list_display = ("username", "role", "email", "is_active", "two_factor_since", "last_login")
    list_filter = ("role", "is_active")
    filter_horizontal = ()
    readonly_fields = ("two_factor_since", "last_login", "date_joined")
    actions = ("reset_two_factor",)
    fieldsets = (
        (None, {"fields": ("username", "password", "role", "is_active")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Dates", {"fields": ("two_factor_since", "last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "role", "email")}),
        ("Password", {"fields": ("usable_password", "password1", "password2")}),
    )

    @admin.action(description="Reset the second factor of the selected users")
    def reset_two_factor(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """For lost authenticators; their log-ins end."""
        for user in users:
            two_factor.remove(user=user, by=actor_in(request))

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Django's form; the new password ends every log-in, since they are bound to the old."""
        before = User.objects.filter(pk=id).values_list("password", flat=True).first()
        response = super().user_change_password(request, id, form_url)
        if User.objects.filter(pk=id).exclude(password=before).exists():
            audit.record(
                by=actor_in(request), action="password_changed", object_type="user", object_id=id
            )
        return response


@admin.register(Account)
class Accounts(Audited, admin.ModelAdmin):
    """Exchange accounts. A login can be set and replaced here, never read."""

    form = AccountForm
    list_display = (
        "id",
        "label",
        "exchange_id",
        "rebased_to",
        "is_testnet",
        "position_mode",
        "status",
    )
    list_display_links = ("id", "label")
    list_filter = ("exchange_id", "status", "is_testnet")
    search_fields = ("label", "exchange_id")
    readonly_fields = (
        "status",
        "rebased_to",
        "credentials_state",
        "created_at",
        "updated_at",
    )
    # Fixed once there may be positions, or evidence: the mode changes through the API, when flat.
    fixed_fields = ("exchange_id", "position_mode", "reversal", "raw_storage")
    fieldsets = (
        (None, {"fields": ("exchange_id", "rebased_to", "label", "is_testnet", "status")}),
        ("Positions", {"fields": ("position_mode", "reversal", "protection", "keep_stops")}),
        (
            "Exchange",
            {"fields": ("reconcile_policy", "provisional_after_s", "raw_storage", "extra_config")},
        ),
        (
            "Login",
            {
                "fields": ("credentials_state", *(f"new_{part}" for part in LoginPart)),
                "description": (
                    "Stored encrypted and never shown. Most exchanges want the API key and the "
                    "secret, some a passphrase or other parts. A new login replaces all of it."
                ),
            },
        ),
        ("Dates", {"fields": ("created_at", "updated_at")}),
    )

    @admin.display(description="Re-based to")
    def rebased_to(self, account: Account) -> str | None:
        """The operator's address for this exchange, where it is not the exchange's own."""
        return settings.OMS_EXCHANGE_URLS.get(account.ccxt_id)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Account | None = None
    ) -> tuple[str, ...]:
        return (*self.readonly_fields, *self.fixed_fields) if obj else self.readonly_fields

    def get_urls(self) -> list[Any]:
        button = path(
            "<int:account_id>/test-connection/",
            self.admin_site.admin_view(require_POST(self.test_connection)),
            name="accounts_account_test_connection",
        )
        return [button, *super().get_urls()]

    def test_connection(self, request: HttpRequest, account_id: int) -> HttpResponse:
        """Ask the exchange, and say check by check what it answered."""
        account = get_object_or_404(Account, pk=account_id)
        try:
            tested = connection.test_connection(account=account, by=actor_in(request))
        except OmsError as error:
            messages.error(request, error.message)
        else:
            for check in tested.checks:
                told = ", ".join(f"{name}: {value}" for name, value in check["facts"].items())
                level = messages.ERROR if check["result"] == connection.FAILED else messages.INFO
                messages.add_message(
                    request, level, f"{check['name']}: {check['result']} {told}".rstrip()
                )
        return redirect("admin:accounts_account_change", account_id)

    def save_model(
        self, request: HttpRequest, obj: Account, form: AccountForm, change: bool
    ) -> None:
        """The account, and its login if one was typed."""
        super().save_model(request, obj, form, change)
        if login := form.new_login():
            services.upsert_credentials(account=obj, by=actor_in(request), **login)

    @admin.display(description="stored")
    def credentials_state(self, account: Account) -> str:
        """Which parts of the login are set, in words."""
        if account.pk is None:
            return "not set"
        return ", ".join(f"{name}: {word}" for name, word in state_of(account).as_words().items())


class PermissionsOfKey(admin.TabularInline):
    """What a key may do, by account."""

    model = KeyPermission
    extra = 0
    show_change_link = True
    fields = ("account", *(right.value for right in Right), "restrict_to_strategies")


class StrategiesOfPermission(admin.TabularInline):
    """The strategies of a restricted key on one account."""

    model = KeyStrategy
    extra = 0


@admin.register(ApiKey)
class ApiKeys(Audited, admin.ModelAdmin):
    """Keys. The text of a new one is shown once; its digest is nowhere."""

    list_display = ("prefix", "label", "user", "status", "expires_at", "last_used_at")
    list_filter = ("status",)
    list_select_related = ("user",)
    search_fields = ("prefix", "label", "user__username")
    actions = ("revoke",)

    def get_form(
        self, request: HttpRequest, obj: ApiKey | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm[Any]]:
        return super().get_form(
            request, obj, change, **{"form": KeyForm if obj else NewKeyForm, **kwargs}
        )

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        shared = ("label", "expires_at", "ip_allow_list")
        if obj is None:
            return ("user", *shared, "accounts", "strategies")
        return ("user", "prefix", "status", *shared, "last_used_at", "created_at")

    def get_readonly_fields(
        self, request: HttpRequest, obj: ApiKey | None = None
    ) -> tuple[str, ...]:
        return ("user", "prefix", "status", "last_used_at", "created_at") if obj else ()

    def get_inlines(
        self, request: HttpRequest, obj: ApiKey | None
    ) -> list[type[admin.TabularInline[Any, Any]]]:
        return [PermissionsOfKey] if obj else []

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """A new key is issued by the service; its text goes to the next page and nowhere else."""
        if change:
            super().save_model(request, obj, form, change)
            return
        issued = services.create_api_key(**form.facts(), by=actor_in(request))
        obj.pk = issued.row.pk
        obj.refresh_from_db()
        request.issued_key = issued  # type: ignore[attr-defined]

    def save_formset(
        self, request: HttpRequest, form: Any, formset: BaseModelFormSet[Any, Any], change: bool
    ) -> None:
        before = rights_before(form.instance)
        super().save_formset(request, form, formset, change)
        record_rights(request, form.instance, formset, before)

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The one page that shows the key. Not a message: those travel in a cookie."""
        context = {
            **self.admin_site.each_context(request),
            "title": "New API key",
            "key": obj,
            "plain": request.issued_key.plain,  # type: ignore[attr-defined]
        }
        response = TemplateResponse(request, "admin/accounts/apikey/created.html", context)
        add_never_cache_headers(response)
        return response

    @admin.action(description="Revoke the selected keys")
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        """The keys open nothing any more."""
        for key in keys:
            services.revoke_api_key(api_key=key, by=actor_in(request))


@admin.register(KeyPermission)
class KeyPermissions(Audited, admin.ModelAdmin):
    """One key on one account, with the strategies it is restricted to."""

    list_display = ("api_key", "account", "restrict_to_strategies")
    list_select_related = ("api_key__user", "account")
    inlines = (StrategiesOfPermission,)

    def get_readonly_fields(
        self, request: HttpRequest, obj: KeyPermission | None = None
    ) -> tuple[str, ...]:
        return ("api_key", "account") if obj else ()

    def save_formset(
        self, request: HttpRequest, form: Any, formset: BaseModelFormSet[Any, Any], change: bool
    ) -> None:
        before = rights_before(form.instance.api_key)
        super().save_formset(request, form, formset, change)
        record_rights(request, form.instance.api_key, formset, before)


@admin.register(Strategy)
class Strategies(Audited, admin.ModelAdmin):
    """Strategies and the accounts they are linked to."""

    list_display = ("id", "name", "client_strategy_id", "status")
    list_display_links = ("id", "name")
    list_filter = ("status",)
    search_fields = ("name", "client_strategy_id")
    filter_horizontal = ("accounts",)


@admin.register(AuditEntry)
class AuditEntries(Unchangeable, admin.ModelAdmin):
    """The trail."""

    list_display = (
        "at",
        "user_name",
        "address",
        "action",
        "object_type",
        "object_id",
        "comment",
    )
    list_filter = ("action", "object_type")
    search_fields = ("user_name", "address", "object_id", "request_id")
    ordering = ("-id",)
    show_full_result_count = False
    paginator = CappedPaginator
    actions: ClassVar[None] = None


@admin.register(Refusal)
class Refusals(Unchangeable, admin.ModelAdmin):
    """Failed log-ins and refused addresses, by the minute; kept 90 days."""

    list_display = ("minute", "kind", "user_name", "address", "api_key_id", "count")
    list_filter = ("kind",)
    search_fields = ("user_name", "address")
    ordering = ("-minute", "-id")
    show_full_result_count = False
    paginator = CappedPaginator
    actions: ClassVar[None] = None


def rights_before(key: ApiKey) -> dict[str, Any]:
    """What the key says for itself, by account, strategies included: for ``record_rights``."""
    return {str(number): as_facts(rights) for number, rights in rights_of(key).items()}


def record_rights(
    request: HttpRequest,
    key: ApiKey,
    formset: BaseModelFormSet[Any, Any],
    before: dict[str, Any],
) -> None:
    """One entry with the rights that a form set added, changed and removed, and all before."""
    changed = [(row, "changed") for row, _ in formset.changed_objects]
    added = [(row, "added") for row in formset.new_objects]
    removed = [(row, "removed") for row in formset.deleted_objects]
    if entries := [*changed, *added, *removed]:
        audit.record(
            by=actor_in(request),
            action="permissions_changed",
            object_type="api_key",
            object_id=key.pk,
            before=before,
            after=rights_before(key)
            | {
                word: [_rights_fact(row) for row, said in entries if said == word]
                for word in ("added", "changed", "removed")
            },
        )


def _rights_fact(row: KeyPermission | KeyStrategy) -> dict[str, Any]:
    facts = {"about": str(row)}
    for field in row._meta.get_fields():
        if field.name.startswith(("can_", "restrict_")):
            facts[field.name] = getattr(row, field.name)
    return facts
