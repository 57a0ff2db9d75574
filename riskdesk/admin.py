"""The risk desk for people: limits, halts, account status and kill switches.

Every page shows what is, and one form that calls the service; a comment is part of each. Rows are
never edited or deleted directly. Flattening is not offered here: an admin never trades.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from accounts.backoffice.acting import ActForm, ActingAdmin
from accounts.backoffice.site import actor_in
from accounts.words import AccountStatus
from riskdesk import services
from riskdesk.admin_forms import ControlForm, KillForm, ReleaseForm, StatusForm
from riskdesk.facts import control_facts, limit_facts, switch_facts
from riskdesk.models import AccountRisk, Control, KillSwitch
from riskdesk.words import HaltState, KillScope


def _data(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


@admin.register(Control)
class Controls(ActingAdmin):
    """Halts, openings and limits of accounts, strategies, symbols and keys."""

    list_display = ("id", "account", "scope", "target", "state", "allow_new_positions", "limited")
    list_filter = ("scope", "state", ("account", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("account",)
    search_fields = ("target",)

    @admin.display(description="limits")
    def limited(self, control: Control) -> str:
        """The limits that are set."""
        found = limit_facts(control).items()
        return ", ".join(f"{name}: {value}" for name, value in found if value is not None)

    def form_of(self, request: HttpRequest, row: Control | None) -> ActForm:
        return ControlForm(_data(request), control=row)

    def facts_of(self, row: Control) -> dict[str, Any]:
        about = {"account": row.account, "scope": row.scope, "target": row.target or "—"}
        return about | control_facts(row, ("updated_at",))

    def act(self, request: HttpRequest, row: Control | None, form: ControlForm) -> str:
        """One service for each kind of change; each leaves its entry in the trail."""
        facts, target = form.cleaned_data, form.target()
        known = {"comment": facts["comment"], "by": actor_in(request)}
        if form.limits():
            services.set_limits(
                account_id=form.account_id(), target=target, changes=form.limits(), **known
            )
        if "state" in form.changed_data:
            services.set_halt(
                account_id=form.account_id(),
                target=target,
                state=HaltState(facts["state"]),
                **known,
            )
        if "allow_new_positions" in form.changed_data:
            services.allow_new_positions(
                account_id=form.account_id(),
                strategy_id=target.strategy_id or None,
                allowed=facts["allow_new_positions"],
                **known,
            )
        return "It counts from the next order on."


@admin.register(AccountRisk)
class AccountStatuses(ActingAdmin):
    """Block and unblock accounts."""

    list_display = ("id", "label", "exchange_id", "status")
    list_filter = ("status",)
    search_fields = ("label",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def form_of(self, request: HttpRequest, row: AccountRisk) -> ActForm:
        return StatusForm(_data(request), initial={"status": row.status})

    def facts_of(self, row: AccountRisk) -> dict[str, Any]:
        return {"account": row, "status": row.status}

    def act(self, request: HttpRequest, row: AccountRisk, form: forms.Form) -> str:
        """The account is blocked or active."""
        services.set_account_status(
            account_id=row.pk,
            status=AccountStatus(form.cleaned_data["status"]),
            comment=form.cleaned_data["comment"],
            by=actor_in(request),
        )
        return f"The account is {form.cleaned_data['status']}."


@admin.register(KillSwitch)
class KillSwitches(ActingAdmin):
    """Pull a new one; release one that is pulled."""

    list_display = (
        "id",
        "scope",
        "target_id",
        "pulled_by",
        "pulled_at",
        "comment",
        "released_by",
        "released_at",
    )
    list_filter = ("scope",)
    search_fields = ("pulled_by", "comment")

    def form_of(self, request: HttpRequest, row: KillSwitch | None) -> ActForm | None:
        if row is None:
            return KillForm(_data(request))
        return ReleaseForm(_data(request)) if row.released_at is None else None

    def facts_of(self, row: KillSwitch) -> dict[str, Any]:
        return switch_facts(row)

    def act(self, request: HttpRequest, row: KillSwitch | None, form: forms.Form) -> str:
        """Pulled, or released."""
        facts, by = form.cleaned_data, actor_in(request)
        if row is not None:
            scope = KillScope(row.scope)
            services.release(scope=scope, target_id=row.target_id, comment=facts["comment"], by=by)
            return "Released; nothing that was stopped comes back."
        _, stopped = services.pull(
            scope=KillScope(facts["scope"]),
            target_id=facts["target_id"],
            flatten=False,
            comment=facts["comment"],
            by=by,
        )
        rejected = sum(each.rejected for each in stopped)
        canceling = sum(len(each.canceling) for each in stopped)
        unfinished = [each.account_id for each in stopped if each.error]
        done = f"Pulled: {rejected} waiting orders rejected, {canceling} being cancelled."
        return f"{done} Pull again for accounts {unfinished}." if unfinished else done
