"""Which forms do cases need in the admin site?"""

from decimal import Decimal
from typing import Any

from django import forms

from accounts.backoffice.acting import ActForm
from positions.engine.errors import EngineError
from positions.engine.money import ZERO, parse
from positions.engine.types import CaseAction
from positions.models import Case
from positions.services.decide_case import PRICED


class DecisionForm(ActForm):
    """One of the actions that the case offers."""

    def __init__(self, data: Any, case: Case) -> None:
        super().__init__(data)
        choices = [(str(action), _SAYS[action]) for action in case.actions]
        self.fields["action"] = forms.ChoiceField(choices=choices)
        if {*PRICED} & {*case.actions}:
            self.fields["price"] = forms.CharField(
                required=False,
                help_text="In the quote currency. Empty: the last one for a fill, the average for "
                "a write-off.",
            )
        if CaseAction.ADOPT in case.actions:
            self.fields["exchange_order_id"] = forms.CharField(
                required=False,
                max_length=128,
                help_text="To adopt: the exchange's id of the order.",
            )
        self.order_fields(["action", "exchange_order_id", "price", "comment"])

    def clean_price(self) -> Decimal | None:
        """An exact number, not below zero, or none."""
        text = self.cleaned_data["price"].strip()
        if not text:
            return None
        try:
            price = parse(text, field="price")
        except EngineError as error:
            raise forms.ValidationError(error.message) from None
        if price < ZERO:
            raise forms.ValidationError("Not below zero.")
        return price

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("price") is not None and cleaned.get("action") not in PRICED:
            self.add_error("price", "Only a fill or a write-off has a price.")
        return cleaned


_SAYS = {
    CaseAction.BOOK_TRANSFER: "Book the difference as a transfer of money",
    CaseAction.BOOK_FILL: "Book the difference as a fill of an external order",
    CaseAction.WRITE_OFF: "Write the position off into the dust record",
    CaseAction.REASSIGN: "The external orders closed it: give them to its strategy",
    CaseAction.BOOK_PROVISIONAL: "Book what is missing at the order's average, until trades come",
    CaseAction.ADOPT: "The order is this one at the exchange",
    CaseAction.GIVE_UP: "The exchange never took the order",
    CaseAction.ACKNOWLEDGE: "It is settled; book nothing",
    CaseAction.NOTE: "I look after it; leave it open",
}
