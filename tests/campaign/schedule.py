"""What do clients ask for, and what breaks, in one life? All of it follows from the seed."""

from dataclasses import dataclass
from random import Random
from typing import Any

from oms_project.faultpoints import Place

LINEAR, SPOT = "BTC/USDT:USDT", "BTC/USDT"
KINDS: tuple[dict[str, Any], ...] = (
    {"symbol": SPOT},
    {"symbol": SPOT, "position_mode": "hedge"},
    {"symbol": LINEAR},
    {"symbol": LINEAR, "reversal": "mt5"},
    {"symbol": LINEAR, "position_mode": "strategy_netting"},
    {"symbol": LINEAR, "position_mode": "hedge"},
)
LENGTH_S = 8.0
# Lives of later seeds know more trouble; the earlier ones stay as they were.
HARD_AFTER, HARDER_AFTER = 10_000, 20_000
LATE_AFTER = 1_000_000  # Those beyond list trades late, which are booked provisionally.


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing a client does: ``what`` of the words in ``life``, after ``at_s`` seconds."""

    at_s: float
    what: str
    number: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """One life, before it is lived.

    ``refiltered_at_s``: when the market's step becomes larger, without a word; ``None``: never.
    ``crashes``: after how many passages of which place the process dies; ``deaf``: the share of
    bells that nobody hears; ``faults``: the share of requests that something happens to.
    """

    seed: int
    kind: dict[str, Any]
    asks: tuple[Ask, ...]
    ticks: tuple[float, ...]
    crashes: tuple[tuple[Place, int], ...]
    faults: float
    deaf: float
    refiltered_at_s: float | None = None

    @property
    def is_hard(self) -> bool:
        """Whether markets vanish and prices jump in it, closes rest, and answers hold ids only.

        Of the latest seeds the market's step changes too, and clients give reduce-only orders.
        """
        return self.seed > HARD_AFTER

    @property
    def lists_late(self) -> bool:
        """Whether the venue lists one trade in three half a minute after it said that it was."""
        return self.seed > LATE_AFTER


def draw(seed: int) -> Schedule:
    """The schedule of a seed."""
    dice = Random(seed)
    words = ("buy", "buy", "sell", "rest", "rest", "cancel", "change", "close", "again",
             "cancel_all")  # fmt: skip
    if seed > HARD_AFTER:
        words += ("rest_close", "rest_close")
    if seed > HARDER_AFTER:
        words += ("reduce_only", "reduce_only", "buy")
    asks = [
        Ask(dice.uniform(0, LENGTH_S), dice.choice(words), number)
        for number in range(dice.randint(3, 6))
    ]
    if seed > HARDER_AFTER:  # There is something to reduce.
        asks.append(Ask(dice.uniform(0, 0.5), "buy", len(asks)))
    ticks = [dice.uniform(0, LENGTH_S * 2) for _ in range(dice.randint(0, 4))]
    crashes = [
        (dice.choice(list(Place)), dice.randint(1, 4)) for _ in range(dice.choice((0, 0, 1, 1, 2)))
    ]
    return Schedule(
        seed=seed,
        kind=dice.choice(KINDS),
        asks=tuple(sorted(asks, key=lambda ask: ask.at_s)),
        ticks=tuple(sorted(ticks)),
        crashes=tuple(crashes),
        faults=dice.choice((0.0, 0.1, 0.25, 0.5)),
        deaf=dice.choice((0.0, 0.0, 0.3)),
        refiltered_at_s=dice.uniform(0, LENGTH_S) if seed > HARDER_AFTER else None,
    )
