"""Who fires a position's triggers, the exchange or the OMS, and what has to be done about it?

Contract section 6, Protection. Two decisions, both by table: where the triggers of each position
belong (``plan_places``), and which step leads one trigger there (``step_of``). In every state at
most one side may fire:

============  ==========================================  =================
state         what is so                                  who may fire
============  ==========================================  =================
watched       nothing is at the exchange                  the OMS
placing       sent there, not confirmed                   the exchange; the OMS takes it back first
resting       the exchange has confirmed it               the exchange
withdrawing   a cancel was asked, not confirmed           the exchange
fired         the OMS's market close is on its way        nobody else
============  ==========================================  =================
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from positions.engine.money import ZERO, exact
from positions.engine.types import GroupRole, Side

PROTECTIVE = (GroupRole.STOP_LOSS, GroupRole.TAKE_PROFIT)


class Place(StrEnum):
    """Who watches a trigger."""

    EXCHANGE = "exchange"
    OMS = "oms"


class TriggerState(StrEnum):
    """Where a trigger is; see the table of the module."""

    WATCHED = "watched"
    PLACING = "placing"
    RESTING = "resting"
    WITHDRAWING = "withdrawing"
    FIRED = "fired"

    @property
    def place(self) -> Place:
        """Who watches it now: the OMS until the exchange has confirmed, and once it is gone."""
        at_exchange = self in (TriggerState.RESTING, TriggerState.WITHDRAWING)
        return Place.EXCHANGE if at_exchange else Place.OMS


class Need(StrEnum):
    """What should become of a trigger.

    ``gone``: its position or the wish for it is. ``reached``: the price was there. ``watch``: it
    belongs to the OMS. ``rest``: it belongs to the exchange as it is there, or would be placed.
    ``renew``: it belongs to the exchange with another price, side or volume.
    """

    GONE = "gone"
    REACHED = "reached"
    WATCH = "watch"
    REST = "rest"
    RENEW = "renew"


class Step(StrEnum):
    """What to do next; whatever has to be confirmed by the exchange is waited for."""

    STAY = "stay"
    PLACE = "place"
    WITHDRAW = "withdraw"
    FIRE = "fire"
    DROP = "drop"


_STAY, _WITHDRAW = Step.STAY, Step.WITHDRAW

STEPS: dict[TriggerState, dict[Need, Step]] = {
    TriggerState.WATCHED: {
        Need.GONE: Step.DROP,
        Need.REACHED: Step.FIRE,
        Need.WATCH: _STAY,
        Need.REST: Step.PLACE,
        Need.RENEW: Step.PLACE,
    },
    TriggerState.PLACING: {
        Need.GONE: _WITHDRAW,
        Need.REACHED: _WITHDRAW,  # Fired once it is proven gone.
        Need.WATCH: _WITHDRAW,
        Need.REST: _STAY,
        Need.RENEW: _WITHDRAW,
    },
    TriggerState.RESTING: {
        Need.GONE: _WITHDRAW,
        Need.REACHED: _WITHDRAW,  # A leg that outlived its moment: taken back, then fired here.
        Need.WATCH: _WITHDRAW,
        Need.REST: _STAY,
        Need.RENEW: _WITHDRAW,
    },
    TriggerState.WITHDRAWING: dict.fromkeys(Need, _STAY),
    TriggerState.FIRED: dict.fromkeys(Need, _STAY),
}


def step_of(state: TriggerState, need: Need) -> Step:
    """Return the next step of a trigger in ``state``."""
    return STEPS[state][need]


@dataclass(frozen=True, slots=True)
class Claimant:
    """A position with triggers, as the plan sees it.

    ``qty`` is the volume that a trigger of it would have; ``resting`` the largest volume of its
    triggers that the exchange may have now, zero for none (a stop and a take-profit count once);
    ``may_rest`` says whether one of them could be at the exchange at all.
    """

    position_id: int
    side: Side
    qty: Decimal
    resting: Decimal = ZERO
    may_rest: bool = True


def room_of_net(net: Decimal) -> dict[Side, Decimal]:
    """Return how much volume per side the exchange's signed net leaves reduce-only triggers."""
    return {Side.BUY: max(net, ZERO), Side.SELL: max(-net, ZERO)}


@exact
def plan_places(claimants: Iterable[Claimant], *, room: Mapping[Side, Decimal]) -> dict[int, Place]:
    """Return where the triggers of each position belong; ``claimants`` come oldest first.

    At the exchange while the room on the position's side, less the volumes of the others that rest
    there, holds its volume. Who rests already keeps its place while it fits, oldest first; then
    newcomers, oldest first, who also wait for the volume of those that are leaving.
    """
    known = list(claimants)
    places = {each.position_id: Place.OMS for each in known}
    left, occupied = dict(room), {Side.BUY: ZERO, Side.SELL: ZERO}
    for each in known:
        if not each.resting:
            continue
        keeps = each.may_rest and ZERO < each.qty <= left[each.side]
        if keeps:
            places[each.position_id] = Place.EXCHANGE
            left[each.side] -= each.qty
        occupied[each.side] += max(each.resting, each.qty if keeps else ZERO)
    for each in known:
        if each.resting or not each.may_rest:
            continue
        if ZERO < each.qty <= room[each.side] - occupied[each.side]:
            places[each.position_id] = Place.EXCHANGE
            occupied[each.side] += each.qty
    return places
