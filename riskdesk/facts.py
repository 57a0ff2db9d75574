"""How do the desk's decisions look outside: in answers, events and the trail?"""

from collections.abc import Container, Iterable
from decimal import Decimal
from typing import Any

from positions.rows import decimal_text, time_text
from riskdesk.models import LIMIT_NAMES, Control, Flattening, KillSwitch

Facts = dict[str, Any]


def control_facts(control: Control, names: Iterable[str]) -> Facts:
    """These columns of a control, decimals as plain text."""
    return {name: _plain(getattr(control, name)) for name in names}


def limit_facts(control: Control | None) -> Facts:
    """Every limit, null where it is off."""
    return control_facts(control or Control(), LIMIT_NAMES)


def halt_facts(control: Control) -> Facts:
    """What a control lets open."""
    return {
        **control.names(),
        "state": str(control.state),
        "allow_new_positions": control.allow_new_positions,
        "updated_at": time_text(control.updated_at),
    }


def switch_facts(switch: KillSwitch) -> Facts:
    """One pull of a kill switch."""
    return {
        "scope": str(switch.scope),
        "id": switch.target_id,
        "pulled": switch.released_at is None,
        "comment": switch.comment,
        "pulled_by": switch.pulled_by,
        "pulled_at": time_text(switch.pulled_at),
        "released_by": switch.released_by or None,
        "released_at": time_text(switch.released_at),
    }


def flatten_facts(row: Flattening | None, visible: Container[int] | None = None) -> Facts | None:
    """How far a flatten is, of the ``visible`` positions (``None``: of all)."""
    if row is None:
        return None
    return {
        "state": str(row.state),
        "closing": [each for each in row.closing if visible is None or each in visible],
        "left": [each for each in row.left if visible is None or each["position_id"] in visible],
    }


def _plain(value: Any) -> Any:
    return decimal_text(value) if isinstance(value, Decimal) else value
