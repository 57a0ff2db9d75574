"""Which forms does the admin site need beyond the plain ones?"""

from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.contrib.admin.helpers import ActionForm
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm

from accounts import services
from accounts.models import Account, ApiKey, Strategy, User
from accounts.services.users import require_an_admin_left
from accounts.validation import (
    needed_parts,
    require_exchange_id,
    require_extra_config,
    require_future,
    require_ip_allow_list,
    require_provisional_after,
    require_reconcile_policy,
)
from accounts.words import LONGEST_COMMENT, LoginPart
from oms_project.errors import OmsError

Given = TypeVar("Given")
Checked = TypeVar("Checked")


class Commented(forms.ModelForm):
    """A change, and why: the audit trail keeps both."""

    comment = forms.CharField(max_length=LONGEST_COMMENT, help_text="Why; kept in the audit trail.")


class WhyAction(ActionForm):
    """An act on the selected rows, and why."""

    comment = forms.CharField(max_length=LONGEST_COMMENT, label="Why:")


class NewUserForm(Commented, AdminUserCreationForm):
    """Name, role and password of a new user; without a password it is for programs only."""

    class Meta:
        model = User
        fields = ("username", "role", "email")


class UserForm(Commented, UserChangeForm):
    """A user; somebody has to remain who runs the back office."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        _checked(
            lambda facts: require_an_admin_left(
                User.objects.get(pk=self.instance.pk),
                role=facts.get("role", ""),
                is_active=facts.get("is_active", False),
            ),
            cleaned,
        )
        return cleaned


class AccountForm(Commented):
    """An account; its login can be typed, and is never filled in."""

    new_api_key = forms.CharField(required=False, widget=forms.PasswordInput)
    new_secret = forms.CharField(required=False, widget=forms.PasswordInput)
    new_passphrase = forms.CharField(required=False, widget=forms.PasswordInput)
    new_uid = forms.CharField(required=False, widget=forms.PasswordInput)
    new_wallet_address = forms.CharField(required=False, widget=forms.PasswordInput)
    new_private_key = forms.CharField(required=False, widget=forms.PasswordInput)
    new_exchange_account_id = forms.CharField(required=False, widget=forms.PasswordInput)
    new_login_name = forms.CharField(required=False, widget=forms.PasswordInput)

    class Meta:
        model = Account
        fields = (
            "exchange_id",
            "label",
            "is_testnet",
            "position_mode",
            "reversal",
            "protection",
            "keep_stops",
            "provisional_after_s",
            "reconcile_policy",
            "raw_storage",
            "extra_config",
        )

    def clean_exchange_id(self) -> str:
        return _checked(require_exchange_id, self.cleaned_data["exchange_id"])

    def clean_provisional_after_s(self) -> int | None:
        return _checked(require_provisional_after, self.cleaned_data["provisional_after_s"])

    def clean_reconcile_policy(self) -> dict[str, Any]:
        return _checked(require_reconcile_policy, self.cleaned_data["reconcile_policy"] or {})

    def clean_extra_config(self) -> dict[str, Any]:
        return _checked(require_extra_config, self.cleaned_data["extra_config"] or {})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        typed = self.new_login()
        exchange_id = cleaned.get("exchange_id") or self.instance.exchange_id
        for part in needed_parts(exchange_id) if typed else ():
            if not typed[part].strip():
                self.add_error(f"new_{part}", f"A login of {exchange_id} needs this.")
        return cleaned

    def new_login(self) -> dict[str, str]:
        """What was typed as a login; empty if nothing was."""
        typed = {str(part): self.cleaned_data.get(f"new_{part}", "") for part in LoginPart}
        return typed if any(typed.values()) else {}


class KeyForm(Commented):
    """What of a key can be changed."""

    class Meta:
        model = ApiKey
        fields = ("label", "expires_at", "ip_allow_list")

    def clean_ip_allow_list(self) -> list[str]:
        return _checked(require_ip_allow_list, self.cleaned_data["ip_allow_list"] or [])


class NewKeyForm(KeyForm):
    """A new key: the accounts and strategies it is for; its rights are those of the user's role."""

    accounts = forms.ModelMultipleChoiceField(Account.objects.all(), required=False)
    strategies = forms.ModelMultipleChoiceField(
        Strategy.objects.all(),
        required=False,
        help_text="Naming any restricts the key to them; a robot's key always is.",
    )

    class Meta(KeyForm.Meta):
        fields = ("user", *KeyForm.Meta.fields)

    def clean_expires_at(self) -> Any:
        return _checked(
            lambda moment: require_future(moment, field="expires_at"),
            self.cleaned_data["expires_at"],
        )

    def facts(self) -> dict[str, Any]:
        """What ``services.create_api_key`` wants to know."""
        facts = self.cleaned_data
        return {
            "user": facts["user"],
            "label": facts["label"],
            "expires_at": facts["expires_at"],
            "ip_allow_list": facts["ip_allow_list"],
            "grants": services.template_grants(
                facts["user"].role,
                [account.pk for account in facts["accounts"]],
                [strategy.pk for strategy in facts["strategies"]],
            ),
        }


def _checked(check: Callable[[Given], Checked], value: Given) -> Checked:
    """``check(value)``, with its refusal as the form wants it."""
    try:
        return check(value)
    except OmsError as error:
        raise forms.ValidationError(error.message) from error
