"""What has the risk desk decided?

A ``Control`` says what may happen on one account, or for one strategy, symbol or key there; it is
moved under the account's lane. A ``KillSwitch`` belongs to no lane: it is written without waiting
for any, and read in every claim.
"""

from typing import Any

from django.conf import settings
from django.db import models

from accounts.models import Account
from positions.fields import ExactDecimalField, choices
from riskdesk.rules import Limits
from riskdesk.words import FlattenState, HaltState, KillScope, Scope


class Control(models.Model):
    """Halt, openings and limits of one thing on one account; no row means nothing is restricted."""

    account = models.ForeignKey("accounts.Account", models.CASCADE, related_name="controls")
    scope = models.CharField(max_length=16, choices=choices(Scope))
    target = models.CharField(
        max_length=64, default="", blank=True, help_text="Strategy id, symbol or key id"
    )
    state = models.CharField(
        max_length=16, choices=choices(HaltState), default=HaltState.ACTIVE.value
    )
    allow_new_positions = models.BooleanField(default=True)
    max_order_qty = ExactDecimalField(null=True)
    max_order_notional = ExactDecimalField(null=True)
    price_collar_percent = ExactDecimalField(null=True)
    max_open_orders = models.PositiveIntegerField(null=True)
    max_net_qty = ExactDecimalField(null=True)
    max_gross_qty = ExactDecimalField(null=True)
    max_net_notional = ExactDecimalField(null=True)
    max_gross_notional = ExactDecimalField(null=True)
    max_daily_loss = ExactDecimalField(null=True)
    max_daily_turnover = ExactDecimalField(null=True)
    max_orders = models.PositiveIntegerField(null=True)
    orders_interval_s = models.PositiveIntegerField(null=True)
    repeat_within_s = models.PositiveIntegerField(null=True)
    symbols = models.JSONField(null=True, help_text="The only symbols that may be opened")
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "scope", "target"], name="one_control_per_target"
            )
        ]

    def __str__(self):
        return f"control of {self.scope} {self.target or self.account_id}"

    @property
    def limits(self) -> Limits:
        """The limits as the rules read them."""
        values: dict[str, Any] = {name: getattr(self, name) for name in LIMIT_NAMES}
        symbols = values["symbols"]
        return Limits(**values | {"symbols": None if symbols is None else tuple(symbols)})

    def names(self) -> dict[str, Any]:
        """What it is about, for refusals, events and the trail."""
        target = self.target or str(self.account_id)
        return {"scope": self.scope, "id": target if self.scope == Scope.SYMBOL else int(target)}


LIMIT_NAMES = tuple(Limits.__dataclass_fields__)


class KillSwitch(models.Model):
    """One pull of a kill switch, from pulling to release; kept for ever.

    ``holds`` is unique while it is pulled and null afterwards, so each is pulled once at a time.
    """

    scope = models.CharField(max_length=16, choices=choices(KillScope))
    target_id = models.BigIntegerField(null=True, help_text="Account or user id")
    holds = models.CharField(max_length=32, null=True, unique=True, editable=False)  # noqa: DJ001
    comment = models.TextField()
    pulled_by = models.CharField(max_length=150)
    pulled_by_id = models.BigIntegerField(null=True)
    pulled_at = models.DateTimeField()
    release_comment = models.TextField(blank=True, default="")
    released_by = models.CharField(max_length=150, blank=True, default="")
    released_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "kill switches"

    def __str__(self):
        return f"kill switch {self.scope} {self.target_id or ''}".rstrip()


class Flattening(models.Model):
    """One account that a pulled kill switch makes flat, in the name of who pulled it.

    It is moved by conditional updates while it is ``running``. ``left`` names the positions that
    could not be closed at the last try, with the code of the reason.
    """

    switch = models.ForeignKey(KillSwitch, models.CASCADE, related_name="flattenings")
    account = models.ForeignKey("accounts.Account", models.CASCADE, related_name="flattenings")
    state = models.CharField(
        max_length=16, choices=choices(FlattenState), default=FlattenState.RUNNING.value
    )
    closing = models.JSONField(default=list, help_text="Ids of positions that are being closed")
    left = models.JSONField(default=list, help_text="Objects of position_id and code")
    comment = models.TextField()
    by_user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    by_api_key = models.ForeignKey("accounts.ApiKey", models.PROTECT, null=True, related_name="+")
    started_at = models.DateTimeField()
    until = models.DateTimeField(help_text="What is open then is left")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["state", "account"], name="flattening_by_state")]

    def __str__(self):
        return f"flattening of account {self.account_id}"


def hold_name(scope: KillScope, target_id: int | None = None) -> str:
    """The name under which a pulled switch is found: ``all``, ``account:7``, ``user:3``."""
    return str(scope) if target_id is None else f"{scope}:{target_id}"


class AccountRisk(Account):
    """An account as the desk's page of statuses lists it."""

    class Meta:
        proxy = True
        verbose_name = "account status"
        verbose_name_plural = "account statuses"
