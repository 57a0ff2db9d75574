"""How does the body of ``POST /oms/reconcile/cases/{id}/resolve`` become a decision?"""

from typing import Any

from accounts.words import LONGEST_COMMENT
from positions.api.forms import amount, fields_of, text, word
from positions.engine.types import CaseAction
from positions.services.decide_case import Decision

FORM = fields_of(
    {
        "action": word(tuple(CaseAction), required=True),
        "comment": text(longest=LONGEST_COMMENT, required=True),
        "price": amount(about="For book_fill: in the quote currency; default the last price."),
    }
)


def parse_decision(body: Any) -> Decision:
    """Read the body.

    Raises:
        Invalid: naming the field, its limit and its value.
    """
    return Decision(**FORM.read("body", body))
