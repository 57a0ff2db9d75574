"""What keeps a position's stops, wherever they are watched?

One row per position and role. The position's own columns say what is wished; these rows say where
each wish stands, so that any process can go on from them after a restart.
"""

from decimal import Decimal

from django.db import models

from positions.engine.money import plain
from positions.engine.protection import TriggerState
from positions.engine.stops import TrailingDistance, Watch
from positions.engine.types import GroupRole, Side
from positions.fields import ExactDecimalField, Word

ARMED = (TriggerState.WATCHED, TriggerState.PLACING, TriggerState.WITHDRAWING)
"""The states in which the OMS listens to prices."""


class Trigger(models.Model):
    """A stop or a take-profit of one position. Moved under the account's lane only.

    ``side`` is the position's. ``leg`` is its order at the exchange while there may be one,
    ``closing`` the OMS's market order once it has fired. A trailing distance lives in the stop's
    row. A trigger that was reached fires, even if the price returns before it can.
    """

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    position = models.ForeignKey("positions.Position", models.PROTECT, related_name="triggers")
    symbol = models.CharField(max_length=64)
    role = Word(GroupRole)
    side = Word(Side)
    price = ExactDecimalField(null=True)
    trailing = models.JSONField(null=True, help_text='{"amount": "20"} or {"percent": "1.5"}')
    best_price = ExactDecimalField(null=True, help_text="Since a trailing stop was armed")
    state = Word(TriggerState, default=TriggerState.WATCHED)
    leg = models.ForeignKey("positions.Order", models.PROTECT, null=True, related_name="+")
    closing = models.ForeignKey("positions.Order", models.PROTECT, null=True, related_name="+")
    reached_at = models.DateTimeField(null=True)
    blind_since = models.DateTimeField(null=True, help_text="No price has come since then")
    failures = models.IntegerField(default=0, help_text="In a row: refused cancels and closes")
    not_before = models.DateTimeField(null=True, help_text="When it is tried again")
    refusals = models.IntegerField(default=0, help_text="In a row: legs that came to nothing")
    place_after = models.DateTimeField(null=True, help_text="When a leg is placed again")
    refusal = models.CharField(max_length=255, default="", blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["position", "role"], name="one_trigger_per_role")
        ]
        indexes = [
            models.Index(fields=["account", "symbol"], name="trigger_by_symbol"),
            models.Index(fields=["not_before"], name="trigger_by_not_before"),
            models.Index(fields=["place_after"], name="trigger_by_place_after"),
        ]

    def __str__(self):
        return f"{self.role} of position {self.position_id}, {self.state}"

    @property
    def watch(self) -> Watch:
        """The row as the engine's value."""
        return Watch(
            role=GroupRole(self.role),
            side=Side(self.side),
            price=self.price,
            trailing=distance_of(self.trailing),
            best=self.best_price,
        )


def distance_json(distance: TrailingDistance) -> dict[str, str]:
    """A trailing distance as it is stored and shown."""
    given = (("amount", distance.amount), ("percent", distance.percent))
    return {name: plain(value) for name, value in given if value is not None}


def distance_of(trailing: dict[str, str] | None) -> TrailingDistance | None:
    """A stored trailing distance as the engine's value."""
    if trailing is None:
        return None
    return TrailingDistance(**{name: Decimal(value) for name, value in trailing.items()})
