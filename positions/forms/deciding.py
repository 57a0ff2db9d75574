"""How does the body of ``POST /oms/reconcile/cases/{id}/resolve`` become a decision?"""

from typing import Any

from accounts.words import LONGEST_COMMENT
from positions.engine.types import CaseAction
from positions.forms.fields import amount, fields_of, text, word
from positions.services.decide_case import Decision

FORM = fields_of(
    {
        "action": word(tuple(CaseAction), required=True),
        "comment": text(longest=LONGEST_COMMENT, required=True),
        "price": amount(
            zero=True,
            about="In the quote currency. For book_fill, default the last price; for write_off, "
            "default the position's average (profit 0).",
        ),
        "exchange_order_id": text(
            longest=128, about="For adopt: the exchange's id of the order that it is."
        ),
    }
)


def parse_decision(body: Any) -> Decision:
    """Read the body.

    Raises:
        Invalid: naming the field, its limit and its value.
    """
    return Decision(**FORM.read("body", body))
