"""Which question does ``accounts`` ask upwards?

``OMS_MAKING_PORT`` names the implementation: halts and limits are the risk desk's, which stands
above.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string


class MakingDesk(Protocol):
    """What the risk desk has to say when keys and strategies are made."""

    def require_free(self, user_id: int, reach: Mapping[int, frozenset[int] | None]) -> None:
        """Nothing holds the user back, nor anything within ``reach``.

        ``reach``: account id → the strategies that the caller sees there; None means all.

        Raises:
            RiskBlocked: naming what does.
        """

    def require_open(self, user_id: int, account_ids: Iterable[int]) -> None:
        """Neither the user, a key of theirs nor one of the accounts as a whole is held back.

        Raises:
            RiskBlocked: naming what is.
        """

    def hand_down(self, strategy_id: int, account_id: int, from_ids: Iterable[int]) -> None:
        """The new strategy has the tightest of the limits that these have on the account."""


@cache
def making_desk() -> MakingDesk:
    """The configured desk."""
    return import_string(settings.OMS_MAKING_PORT)()
