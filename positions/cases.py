"""What does a person have to look at?

A case is a difference between our books and the exchange, or something the books cannot do by
themselves, with what is known of it and a proposal. It stays when it is resolved: who decided what.
"""

from django.conf import settings
from django.db import models

from accounts.words import LONGEST_COMMENT
from positions.engine.drift import Finding
from positions.engine.types import CaseAction, CaseKind, CaseState, Resolution
from positions.fields import Word
from positions.querysets import CaseQuerySet

EXPLANATIONS = {
    CaseKind.MISSING_FILL: "The exchange reports more filled than the trades that it lists.",
    CaseKind.UNKNOWN_ORDER: "The exchange did not answer, and keeps no id of ours by which the "
    "order could be found again.",
    CaseKind.OVER_CLOSE: "A close filled more than was left of its position; the rest of the fill "
    "opened one that nobody asked for.",
    CaseKind.LIQUIDATION: "The exchange closed more by force than the positions held.",
    CaseKind.FUNDING: "The exchange booked a funding payment for which no position was open.",
    CaseKind.PROTECTION_BLOCKED: "A stop cannot be placed, or cannot close all of its position.",
    CaseKind.CLOSED_ELSEWHERE: "A stop was reached, and the exchange holds less than it has to "
    "close: somebody closed the position there.",
    CaseKind.UNCLOSABLE: "What is left is worth less than the exchange lets anybody trade.",
    CaseKind.FLATTEN_LEFT: "A kill switch was to close it, and could not in its time.",
}
"""Of those that come from booking, not from comparing."""

_OFFERED = {
    CaseKind.UNCLOSABLE: (CaseAction.WRITE_OFF,),
    CaseKind.UNKNOWN_ORDER: (CaseAction.ADOPT, CaseAction.GIVE_UP),
}
"""What can be decided beside what is proposed; older cases propose nothing."""


class Case(models.Model):
    """One difference. At most one of a kind is open about a subject: the account's lane sees to it.

    ``subject`` says what it is about, as a person would: ``position 12``, ``balance of BTC``.
    Decimals in ``facts`` are exact text. With a ``finding`` it came from comparing with the
    exchange, and ends by itself once a comparison finds no difference any more; its kind is the
    likeliest explanation of the day.
    """

    account = models.ForeignKey("accounts.Account", models.PROTECT)
    kind = Word(CaseKind)
    symbol = models.CharField(max_length=64, null=True)  # noqa: DJ001 (a currency has none)
    subject = models.CharField(max_length=160)
    strategy_id = models.BigIntegerField(default=0, help_text="Whose keys see it")
    position = models.ForeignKey("positions.Position", models.PROTECT, null=True)
    order = models.ForeignKey("positions.Order", models.PROTECT, null=True)
    finding = Word(Finding, null=True)
    explanation = models.CharField(max_length=500, default="", blank=True)
    facts = models.JSONField(default=dict)
    proposal = models.CharField(max_length=255, default="", blank=True)
    action = Word(CaseAction, default=CaseAction.ACKNOWLEDGE.value, help_text="What is proposed")
    state = Word(CaseState, default=CaseState.OPEN)
    resolution = Word(Resolution, null=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        help_text="Who decided, or looks after it",
    )
    comment = models.CharField(max_length=LONGEST_COMMENT, default="", blank=True)
    opened_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["account", "state", "kind", "subject"], name="case_by_subject")
        ]

    def __str__(self):
        return f"case {self.pk} {self.kind} of {self.subject}"

    @property
    def actions(self) -> list[CaseAction]:
        """What can be decided about it now, the proposed action first."""
        if self.state != CaseState.OPEN:
            return []
        offered = (CaseAction(self.action), *_OFFERED.get(self.kind, ()))
        return [*dict.fromkeys((*offered, CaseAction.ACKNOWLEDGE, CaseAction.NOTE))]
