"""Which forms do cases need in the admin site?"""

from decimal import Decimal
from typing import Any

from django import forms

from accounts.acting_admin import ActForm
from positions.engine.errors import EngineError
from positions.engine.money import ZERO, parse
from positions.engine.types import CaseAction
from positions.models import Case


class DecisionForm(ActForm):
    """One of the actions that the case offers."""

    def __init__(self, data: Any, case: Case) -> None:
        super().__init__(data)
        choices = [(str(action), _SAYS[action]) for action in case.actions]
        self.fields["action"] = forms.ChoiceField(choices=choices)
        if CaseAction.BOOK_FILL in case.actions:
            self.fields["price"] = forms.CharField(
                required=False, help_text="Of the fill, in the quote currency; empty: the last one."
            )
        self.order_fields(["action", "price", "comment"])

    def clean_price(self) -> Decimal | None:
        """An exact number above zero, or none."""
        text = self.cleaned_data["price"].strip()
        if not text:
            return None
        try:
            price = parse(text, field="price")
        except EngineError as error:
            raise forms.ValidationError(error.message) from None
        if price <= ZERO:
            raise forms.ValidationError("Above zero.")
        return price

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("price") and cleaned.get("action") != CaseAction.BOOK_FILL:
            self.add_error("price", "Only a fill has a price.")
        return cleaned


_SAYS = {
    CaseAction.BOOK_TRANSFER: "Book the difference as a transfer of money",
    CaseAction.BOOK_FILL: "Book the difference as a fill of an external order",
    CaseAction.ACKNOWLEDGE: "It is settled; book nothing",
    CaseAction.NOTE: "I look after it; leave it open",
}
