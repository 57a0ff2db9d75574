"""Which forms does the risk desk need in the admin site? Each asks for a comment."""

from typing import Any

from django import forms

from accounts.backoffice.acting import ActForm
from accounts.models import Account, User
from accounts.words import AccountStatus, choices_of
from oms_project.errors import OmsError
from positions.rows import decimal_text
from riskdesk.limits import DECIMALS, SECONDS, changed_limits
from riskdesk.models import LIMIT_NAMES, Control
from riskdesk.targets import Target
from riskdesk.words import HaltState, KillScope, Scope

_COUNTS = ("max_open_orders", "max_orders", *SECONDS)
_KILLED = {KillScope.ACCOUNT: Account, KillScope.USER: User}
_OPENINGS_SCOPES = (Scope.ACCOUNT, Scope.STRATEGY)


class StatusForm(ActForm):
    """Block or unblock an account."""

    status = forms.ChoiceField(choices=choices_of(AccountStatus))


class ReleaseForm(ActForm):
    """Release a kill switch."""


class KillForm(ActForm):
    """Pull a kill switch."""

    scope = forms.ChoiceField(choices=choices_of(KillScope))
    target_id = forms.IntegerField(
        required=False, min_value=1, label="Id", help_text="Of the account or user; none with all."
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        needs_none = cleaned.get("scope") == KillScope.ALL
        target_id = cleaned.get("target_id")
        if (target_id is None) is not needs_none:
            self.add_error("target_id", "An account or a user is named by its id, all by none.")
        kind = _KILLED.get(cleaned.get("scope"))
        if kind and target_id and not kind.objects.filter(pk=target_id).exists():
            self.add_error("target_id", "There is none with this id.")
        return cleaned


class ControlForm(ActForm):
    """Halt, openings and limits of something; ``control`` is None for a new one."""

    def __init__(self, *args: Any, control: Control | None = None, **options: Any) -> None:
        self._control = control or Control()
        super().__init__(*args, initial=_initial(self._control), **options)
        fields = self.fields
        if control is None:
            fields["account"] = forms.ModelChoiceField(Account.objects.order_by("id"))
            fields["scope"] = forms.ChoiceField(choices=choices_of(Scope))
            fields["target"] = forms.CharField(
                required=False, max_length=64, help_text="Strategy id, symbol or key id."
            )
        fields["state"] = forms.ChoiceField(choices=choices_of(HaltState))
        fields["allow_new_positions"] = forms.BooleanField(required=False)
        for name in LIMIT_NAMES:
            fields[name] = _limit_field(name)
        fields["comment"] = fields.pop("comment")

    def clean_symbols(self) -> list[str] | None:
        """One symbol a word; nothing typed allows every symbol."""
        return self.cleaned_data["symbols"].split() or None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        target, scope = self.target(), self.target().scope
        named_by_number = scope in (Scope.STRATEGY, Scope.KEY)
        if bool(target.name) is (scope is Scope.ACCOUNT) or (
            named_by_number and not target.name.isdecimal()
        ):
            self.add_error("target", "A strategy or key is named by its id, an account by none.")
        if "allow_new_positions" in self.changed_data and scope not in _OPENINGS_SCOPES:
            self.add_error("allow_new_positions", "Halt a symbol or a key instead.")
        try:
            changed_limits(self._control.limits, self.limits(), scope=scope)
        except OmsError as refusal:
            self.add_error(refusal.details.get("field"), refusal.message)
        return cleaned

    def target(self) -> Target:
        """What is controlled."""
        facts = self.cleaned_data
        if self._control.pk is not None:
            return Target(Scope(self._control.scope), self._control.target)
        return Target(Scope(facts["scope"]), facts["target"])

    def account_id(self) -> int:
        """On which account."""
        return self._control.account_id or self.cleaned_data["account"].pk

    def limits(self) -> dict[str, Any]:
        """The limits that were changed."""
        return {name: self.cleaned_data[name] for name in LIMIT_NAMES if name in self.changed_data}


def _initial(control: Control) -> dict[str, Any]:
    found = {name: getattr(control, name) for name in LIMIT_NAMES}
    found |= {name: decimal_text(found[name]) for name in DECIMALS}
    found["symbols"] = " ".join(found["symbols"] or [])
    return found | {
        "state": control.state,
        "allow_new_positions": control.allow_new_positions,
    }


def _limit_field(name: str) -> forms.Field:
    if name in DECIMALS:
        return forms.DecimalField(
            required=False,
            min_value=0,
            max_digits=38,
            decimal_places=18,
            widget=forms.TextInput,
        )
    if name in _COUNTS:
        return forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    return forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The only symbols that may be opened, one a line; none typed: every one.",
    )
