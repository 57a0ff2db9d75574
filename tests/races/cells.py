"""Which races are there, and which cannot be?"""

from dataclasses import astuple, dataclass
from itertools import product
from random import Random

STOPS = ("exchange", "watched", "trailing")
ACTS = ("close", "partial close", "reduce-only order", "kill with flatten", "close-by",
        "change of stop")  # fmt: skip
MODES = ("netting", "strategy_netting", "hedge")
MARKETS = ("spot", "usdm")
ENGINES = ("ccxt", "ccxtpro")
_STRIDE = 131  # Neighbouring seeds play races that have little in common.


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of race; ``neighbour``: another strategy holds the same side."""

    stop: str
    act: str
    mode: str
    market: str
    engine: str
    neighbour: bool

    def __str__(self) -> str:
        beside = "beside another" if self.neighbour else "alone"
        return f"{self.stop} × {self.act} × {self.mode} × {self.market} × {self.engine} × {beside}"


@dataclass(frozen=True, slots=True)
class Race:
    """A cell with its moment: the act comes ``offset_s`` after the price crosses the stop."""

    seed: int
    cell: Cell
    offset_s: float
    faulty: bool


def why_impossible(cell: Cell) -> str | None:
    """Why there is no such race; ``None``: there is."""
    if cell.mode == "netting" and cell.neighbour:
        return "netting: strategies share the one position of a symbol"
    if cell.mode == "netting" and cell.act == "close-by":
        return "netting: there is no second position to close by"
    if cell.stop == "exchange" and cell.act == "close-by" and not cell.neighbour:
        return "the opposite position leaves no net for a stop at the exchange"
    return None


EVERY = tuple(
    Cell(*facts) for facts in product(STOPS, ACTS, MODES, MARKETS, ENGINES, (False, True))
)
POSSIBLE = tuple(cell for cell in EVERY if why_impossible(cell) is None)
IMPOSSIBLE = {cell: why for cell in EVERY if (why := why_impossible(cell)) is not None}


def draw(seed: int) -> Race:
    """The race of a seed: any run of as many seeds as there are cells plays each once."""
    dice = Random(seed)
    cell = POSSIBLE[seed * _STRIDE % len(POSSIBLE)]
    near = dice.random() < 1 / 3
    offset_s = dice.uniform(-0.15, 0.15) if near else dice.uniform(-0.1, 1.0)
    return Race(seed, cell, offset_s, faulty=dice.random() < 0.5)


def reasons() -> dict[str, int]:
    """How many cells cannot be, by the reason."""
    counted: dict[str, int] = {}
    for why in IMPOSSIBLE.values():
        counted[why] = counted.get(why, 0) + 1
    return counted


assert len({astuple(cell) for cell in POSSIBLE}) == len(POSSIBLE)
