"""How does a user want the screens to be?

A few words of closed vocabularies, per grid which columns stand where, and by which keys what is
done. They change what is shown and what is asked before an act, never what is allowed.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts.models import ApiKey, User
from accounts.personal.models import PersonalSettings
from oms_project.errors import Invalid, NotFound

DEFAULTS: Mapping[str, Any] = {
    "language": None,
    "theme": "system",
    "density": "normal",
    "zone": "utc",
    "palette": "green-red",
    "confirm_away_percent": "1",
    "confirm_value": None,
    "api_key_id": None,
    "grids": {},
    "keys": {},
}
MOST_GRIDS = 64
MOST_KEYS = 100
_MAPS = {"grids": MOST_GRIDS, "keys": MOST_KEYS}  # Changed name by name; how many there may be.


def settings_of(user_id: int) -> dict[str, Any]:
    """Every setting of the user; what they never chose is as for everybody."""
    row = PersonalSettings.objects.filter(user_id=user_id).first()
    return {**DEFAULTS, **(row.values if row else {})}


@transaction.atomic
def change_settings(user_id: int, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with ``changes``, which are read already; grids and keys are changed one by one.

    Raises:
        NotFound: ``api_key_id`` is no key of the user.
        Invalid: there would be too many grids or keys.
    """
    # The user's row is the lock: two browsers of one person must not lose each other's change.
    User.objects.select_for_update().get(pk=user_id)
    number = changes.get("api_key_id")
    if number is not None and not ApiKey.objects.filter(pk=number, user_id=user_id).exists():
        raise NotFound("You have no such key.", api_key_id=number)
    row, _ = PersonalSettings.objects.get_or_create(user_id=user_id)
    maps = {name: _merged(row.values, changes, name) for name in _MAPS}
    row.values = {**row.values, **changes, **maps}
    row.save(update_fields=["values", "updated_at"])
    return {**DEFAULTS, **row.values}


def _merged(values: Mapping[str, Any], changes: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What stands under ``name`` after the changes; what is null is gone."""
    both = {**values.get(name, {}), **changes.get(name, {})}
    found = {each: value for each, value in both.items() if value is not None}
    if len(found) > _MAPS[name]:
        raise Invalid(f"There are too many {name}.", field=name, limit=_MAPS[name],
                      value=len(found))  # fmt: skip
    return found
