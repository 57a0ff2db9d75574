"""How does the body of ``POST /oms/reassign`` become a typed wish?"""

from typing import Any

from oms_project.errors import Invalid
from positions.commands import OrderFilter, Reassign
from positions.forms.fields import day, fields_of, flag, number, numbers, text

_FILTERS = {
    "account_ids": numbers(required=True),
    "symbol": text(longest=64),
    "strategy_id": number(least=0),
    "start_date": day(),
    "end_date": day(),
}
FORM = fields_of(
    {
        "order_ids": numbers(about="These orders; or give filters."),
        "filters": fields_of(_FILTERS),
        "target_strategy_id": number(required=True, least=0, about="0: nobody in particular."),
        "target_position_id": number(least=0, about="Hedge: raise or close this one."),
        "preview": flag(),
        "override": flag(),
    }
)


def parse_reassign(body: Any) -> Reassign:
    """Read the body.

    Raises:
        Invalid: naming the field, its limit and its value.
    """
    fields = FORM.read("body", body)
    if ("order_ids" in fields) == ("filters" in fields):
        raise Invalid("Give order_ids or filters.", field="order_ids", limit="exactly one of them")
    if "filters" in fields:
        fields["filters"] = _filter(fields["filters"])
    return Reassign(**fields)


def _filter(fields: dict[str, Any]) -> OrderFilter:
    found = OrderFilter(**fields)
    if found.start_date and found.end_date and found.end_date < found.start_date:
        raise Invalid(
            "end_date is before start_date.",
            field="end_date",
            limit=str(found.start_date),
            value=str(found.end_date),
        )
    return found
