"""What is stored beside the entries of the trail?"""

from django.db import models


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
