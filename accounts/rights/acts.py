"""Which acts are there, and what does each take?

The one table of rights: act × role × right of the key × reach. ``rights.permissions`` judges by it,
services ask it, and the page docs/howto/access.md and ``create_api_key --help`` print it.

A role's word is in ``ROLE_RIGHTS``: an act is for the roles that can be given all its rights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from accounts.words import Right, Role

_LOOK = frozenset({Right.READ, Right.SEE_BALANCE})
_TRADE_AND_CLOSE = _LOOK | {Right.TRADE, Right.CLOSE_POSITION}

# What a role can be given at most, whatever its keys say (contract, section 3).
ROLE_RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        Role.ADMIN: frozenset({Right.READ}),
        Role.TRADER: _TRADE_AND_CLOSE,
        Role.PORTFOLIO_MANAGER: _TRADE_AND_CLOSE,
        Role.ROBOT: _TRADE_AND_CLOSE,
        Role.RISK: _LOOK
        | frozenset(
            {
                Right.CLOSE_POSITION,
                Right.RISK_MANAGE,
                Right.BLOCK_NEW_POSITIONS,
                Right.BLOCK_ACCOUNT,
            }
        ),
        Role.READONLY: _LOOK,
    }
)


class Act(StrEnum):
    """What somebody can do with accounts, keys and strategies."""

    READ = "read"
    SEE_BALANCE = "see_balance"
    SEND_ORDER = "send_order"
    CHANGE_ORDER = "change_order"
    CANCEL_ORDER = "cancel_order"
    CLOSE_POSITION = "close_position"
    CLOSE_ALL_POSITIONS = "close_all_positions"
    CLOSE_BY = "close_by"
    MERGE_POSITIONS = "merge_positions"
    POSITION_CHANGE = "position_change"
    CLOSE_AGAIN = "close_again"
    REASSIGN = "reassign"
    RECONCILE = "reconcile"
    DECIDE_CASE = "decide_case"
    WRITE_OFF = "write_off"
    WRITE_OFF_REST = "write_off_rest"
    ADOPT_ORDER = "adopt_order"
    GIVE_UP_ORDER = "give_up_order"
    CONFIGURE_ACCOUNT = "configure_account"
    MAKE_STRATEGY = "make_strategy"
    SET_LIMITS = "set_limits"
    SET_STRATEGY_LIMITS = "set_strategy_limits"
    ALLOW_OPENINGS = "allow_openings"
    ALLOW_STRATEGY_OPENINGS = "allow_strategy_openings"
    SET_STATUS = "set_status"
    HALT_ACCOUNT = "halt_account"
    HALT_STRATEGY = "halt_strategy"
    HALT_SYMBOL = "halt_symbol"
    HALT_KEY = "halt_key"
    KILL = "kill"
    FLATTEN = "flatten"
    RELEASE = "release"


class Reach(StrEnum):
    """How far a key that is restricted to strategies gets with an act."""

    OWN = "its own strategies"
    NONE = "not with a restricted key"
    NEW = "gets the new one"
    ACCOUNT = "the account"


@dataclass(frozen=True, slots=True)
class Terms:
    """What an act takes on every account it touches.

    ``rights`` holds the ways to be allowed it: one set of rights that role and key both have.
    """

    rights: tuple[frozenset[Right], ...]
    reach: Reach
    note: str = ""

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that can be given one of the ways."""
        return tuple(role for role in Role if any(way <= ROLE_RIGHTS[role] for way in self.rights))


def _all_of(*rights: Right, reach: Reach = Reach.OWN, note: str = "") -> Terms:
    return Terms((frozenset(rights),), reach, note)


def _one_of(*rights: Right, reach: Reach = Reach.OWN, note: str = "") -> Terms:
    return Terms(tuple(frozenset({right}) for right in rights), reach, note)


_RISK, _OPENINGS, _ACCOUNT = Right.RISK_MANAGE, Right.BLOCK_NEW_POSITIONS, Right.BLOCK_ACCOUNT

ACTS: Mapping[Act, Terms] = MappingProxyType(
    {
        Act.READ: _all_of(Right.READ, note="every list, event and market"),
        Act.SEE_BALANCE: _all_of(
            Right.READ,
            Right.SEE_BALANCE,
            reach=Reach.ACCOUNT,
            note="with a restricted key; others see it with `can_read`",
        ),
        Act.SEND_ORDER: _all_of(Right.TRADE),
        Act.CHANGE_ORDER: _all_of(Right.TRADE),
        Act.CANCEL_ORDER: _one_of(Right.CLOSE_POSITION, Right.TRADE),
        Act.CLOSE_POSITION: _all_of(Right.CLOSE_POSITION),
        Act.CLOSE_ALL_POSITIONS: _all_of(Right.CLOSE_POSITION),
        Act.CLOSE_BY: _all_of(Right.CLOSE_POSITION, note="both positions"),
        Act.MERGE_POSITIONS: _all_of(Right.CLOSE_POSITION, note="both positions"),
        Act.POSITION_CHANGE: _all_of(Right.TRADE),
        Act.CLOSE_AGAIN: _all_of(_RISK, note="`override_unknown`, beside the close itself"),
        Act.REASSIGN: _all_of(Right.TRADE, note="both strategies; `override`: an admin"),
        Act.RECONCILE: _all_of(Right.READ, reach=Reach.ACCOUNT),
        Act.DECIDE_CASE: _one_of(_RISK, Right.TRADE, note="an admin too"),
        Act.WRITE_OFF: _all_of(
            _RISK, note="a position whose market is gone, or any at a price; an admin too"
        ),
        Act.WRITE_OFF_REST: _one_of(
            _RISK,
            Right.CLOSE_POSITION,
            note="what is too small to close, at its average; an admin too",
        ),
        Act.ADOPT_ORDER: _all_of(
            _RISK, note="say which of the exchange's orders one in doubt is; an admin too"
        ),
        Act.GIVE_UP_ORDER: _all_of(
            _RISK, note="say that the exchange never took an order in doubt; an admin too"
        ),
        Act.CONFIGURE_ACCOUNT: _all_of(
            Right.TRADE,
            reach=Reach.NONE,
            note="leverage, margin mode, position mode; what is so already may be confirmed",
        ),
        Act.MAKE_STRATEGY: _all_of(Right.TRADE, reach=Reach.NEW),
        Act.SET_LIMITS: _all_of(_RISK, reach=Reach.NONE, note="of an account or a key"),
        Act.SET_STRATEGY_LIMITS: _all_of(_RISK),
        Act.ALLOW_OPENINGS: _all_of(_RISK, _OPENINGS, reach=Reach.NONE),
        Act.ALLOW_STRATEGY_OPENINGS: _all_of(_RISK, _OPENINGS),
        Act.SET_STATUS: _all_of(_RISK, _ACCOUNT, reach=Reach.NONE),
        Act.HALT_ACCOUNT: _all_of(_RISK, _ACCOUNT, reach=Reach.NONE),
        Act.HALT_STRATEGY: _all_of(_RISK, _OPENINGS),
        Act.HALT_SYMBOL: _all_of(_RISK, _OPENINGS, reach=Reach.NONE),
        Act.HALT_KEY: _all_of(
            _RISK, _OPENINGS, reach=Reach.NONE, note="on every account of that key"
        ),
        Act.KILL: _all_of(
            _RISK, _ACCOUNT, reach=Reach.NONE, note="a user, all: on every account touched"
        ),
        Act.FLATTEN: _all_of(
            _RISK, _ACCOUNT, Right.CLOSE_POSITION, reach=Reach.NONE, note="a kill with `flatten`"
        ),
        Act.RELEASE: _all_of(_RISK, _ACCOUNT, reach=Reach.NONE, note="as the kill"),
    }
)


def lines() -> list[tuple[str, str, str, str]]:
    """The table for people: act with its note, roles, rights, reach of a restricted key."""
    return [
        (
            f"{act}: {terms.note}" if terms.note else str(act),
            ", ".join(terms.roles),
            " or ".join(" + ".join(_in_order(way)) for way in terms.rights),
            str(terms.reach),
        )
        for act, terms in ACTS.items()
    ]


def _in_order(way: frozenset[Right]) -> list[str]:
    return [right.value for right in Right if right in way]
