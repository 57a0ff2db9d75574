"""What is stored of what was done, and of who was refused?"""

from typing import Any, NoReturn, Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone


class AppendOnly(TypeError):
    """Someone tried to change or remove a row that is written once."""


class AppendOnlyRows(models.QuerySet["AuditEntry"]):
    """Rows that are only ever added and read."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnly("audit entries are never changed")

    def delete(self) -> NoReturn:
        raise AppendOnly("audit entries are never removed")

    def about(self, object_type: str, object_id: int | str) -> Self:
        """The entries about one thing, newest first."""
        return self.filter(object_type=object_type, object_id=str(object_id)).order_by("-id")


class AuditEntry(models.Model):
    """Who did what, and what it changed: written once by ``accounts.audit.record``.

    The actor is kept as plain numbers and a name, not as foreign keys: the entry outlives them.
    """

    at = models.DateTimeField(default=timezone.now, db_index=True, editable=False)
    user_id = models.BigIntegerField(null=True, db_index=True)
    user_name = models.CharField(max_length=150)
    api_key_id = models.BigIntegerField(null=True)
    address = models.CharField(max_length=64, blank=True, default="")
    action = models.CharField(max_length=64)
    object_type = models.CharField(max_length=64)
    object_id = models.CharField(max_length=64)
    before = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    comment = models.TextField(blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    # Null until ``accounts.trail.linking`` has chained it.
    link_no = models.BigIntegerField(null=True, unique=True, editable=False)
    link_hash = models.CharField(max_length=64, default="", blank=True, editable=False)

    objects = AppendOnlyRows.as_manager()

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = (models.Index(fields=("object_type", "object_id"), name="audit_by_object"),)

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.user_name} {self.action} {self.object_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("audit entries are never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("audit entries are never removed")


class AuditHead(models.Model):
    """The newest link of the chain; one row. Who links holds it locked."""

    link_no = models.BigIntegerField(default=0)
    link_hash = models.CharField(max_length=64, default="", blank=True)

    def __str__(self) -> str:
        return f"audit chain up to {self.link_no}"


class Refusal(models.Model):
    """Failed log-ins and refused addresses: one row per kind, name, address and minute."""

    minute = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=16, help_text="password, otp, or address: of a key")
    user_name = models.CharField(max_length=150)
    address = models.CharField(max_length=64, blank=True, default="")
    api_key_id = models.BigIntegerField(default=0, help_text="0 where no key was shown")
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("minute", "kind", "user_name", "address", "api_key_id"),
                name="one_refusal_per_minute",
            ),
        )

    def __str__(self) -> str:
        return f"{self.minute:%Y-%m-%d %H:%M} {self.kind} {self.user_name} × {self.count}"
