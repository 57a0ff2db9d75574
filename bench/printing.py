"""How do the results reach people and programs?"""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.measuring import Result

RESULTS = Path(__file__).parent / "results"
_NARROWEST = 130
_REACHED = {True: "yes", False: "no", None: ""}


def show(results: list[Result]) -> None:
    """Print one table, in lines that are not cut."""
    console = Console(highlight=False)
    if console.width < _NARROWEST:
        console = Console(highlight=False, width=_NARROWEST)
    table = Table("goal", "baseline", "ours", "ratio", "spread", "reached")
    for each in results:
        ratio = "" if each.ratio is None else f"{each.ratio:.2f}"
        table.add_row(
            each.goal, each.baseline, each.ours, ratio, each.spread, _REACHED[each.reached]
        )
    console.print(table)


def save(results: list[Result], day: date) -> Path:
    """Write the results of a whole run; a later one of the same day replaces it."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{day.isoformat()}.json"
    rows = [asdict(each) for each in results]
    path.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    return path
