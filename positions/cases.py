"""What does a person have to look at?

A case is a difference between our books and the exchange, or something the books cannot do by
themselves, with what is known of it and a proposal. It stays when it is resolved: who decided what.
"""

from django.conf import settings
from django.db import models

from positions.engine.types import CaseKind, CaseState
from positions.fields import Word
from positions.querysets import CaseQuerySet


class Case(models.Model):
    """One difference. At most one of a kind is open about a subject: the account's lane sees to it.

    ``subject`` says what it is about, as a person would: ``position 12``, ``BTC``. Decimals in
    ``facts`` are exact text.
    """

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    kind = Word(CaseKind)
    symbol = models.CharField(max_length=64, null=True)  # noqa: DJ001 (a currency has none)
    subject = models.CharField(max_length=160)
    strategy_id = models.BigIntegerField(default=0, help_text="Whose keys see it")
    position = models.ForeignKey("positions.Position", models.PROTECT, null=True)
    order = models.ForeignKey("positions.Order", models.PROTECT, null=True)
    facts = models.JSONField(default=dict)
    proposal = models.CharField(max_length=255, default="", blank=True)
    state = Word(CaseState, default=CaseState.OPEN)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, help_text="Who decided"
    )
    comment = models.CharField(max_length=255, default="", blank=True)
    opened_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["account", "state", "kind", "subject"], name="case_by_subject")
        ]

    def __str__(self):
        return f"case {self.pk} {self.kind} of {self.subject}"
