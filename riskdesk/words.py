"""Which words does the risk desk know?

The closed vocabularies that models and bodies take their choices from.
"""

from enum import StrEnum


class Scope(StrEnum):
    """What a control is about, on one account."""

    ACCOUNT = "account"
    STRATEGY = "strategy"
    SYMBOL = "symbol"
    KEY = "key"


class HaltState(StrEnum):
    """``reduce_only``: only what reduces a position is accepted. ``halted``: nothing new but
    closes.

    Cancels, closes of positions and protection pass in every state.
    """

    ACTIVE = "active"
    REDUCE_ONLY = "reduce_only"
    HALTED = "halted"


class KillScope(StrEnum):
    """What a kill switch stops."""

    ACCOUNT = "account"
    USER = "user"
    ALL = "all"


class FlattenState(StrEnum):
    """``running``: it goes on by itself. ``flat``: nothing is open. ``left``: something still is.

    Nothing more is done about what is left; a case each tells of it.
    """

    RUNNING = "running"
    FLAT = "flat"
    LEFT = "left"
