"""Which rows are an account's own? Its lock with the counters, and its line of events."""

from django.db import models

from positions.querysets import (
    AccountLaneQuerySet,
    EventQuerySet,
)


class AccountLane(models.Model):
    """The one lock and the counters of one exchange account.

    Nothing references this row, so locking it blocks no insert elsewhere (on InnoDB, locking the
    account itself would block every insert with a foreign key to it).
    """

    account = models.OneToOneField("accounts.Account", models.CASCADE, primary_key=True)
    last_seq = models.BigIntegerField(default=0, help_text="Newest event number")
    last_booking_no = models.BigIntegerField(default=0, help_text="Newest booking number")
    execution_count = models.BigIntegerField(default=0)
    execution_hash = models.CharField(max_length=64, default="", blank=True)
    owner = models.CharField(max_length=64, default="", blank=True, help_text="Worker that serves")
    fence = models.BigIntegerField(default=0, help_text="Rises with every change of the owner")
    leased_until = models.DateTimeField(null=True, help_text="By the database's clock")

    objects = AccountLaneQuerySet.as_manager()

    def __str__(self):
        return f"lane of account {self.account_id}"


class Event(models.Model):
    """What changed, in the transaction that changed it; ``seq`` has no gap within an account."""

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    seq = models.BigIntegerField()
    event = models.CharField(max_length=48)
    namespace = models.CharField(max_length=16, default="position")
    strategy_id = models.BigIntegerField(default=0)
    position_strategy_id = models.BigIntegerField(
        null=True, help_text="Another strategy that may see it: its position's"
    )
    payload = models.JSONField()
    created_at = models.DateTimeField()

    objects = EventQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "seq"], name="one_event_per_seq")]

    def __str__(self):
        return f"event {self.seq} {self.event} of account {self.account_id}"
