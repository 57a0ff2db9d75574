"""What was found out of all classes, as it is kept, and how does it differ from before?"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
PATH = Path(__file__).parents[1] / "seen.json"


def write(version: str, rows: Mapping[str, Row], path: Path = PATH) -> None:
    """One line for each class, so that an upgrade of ccxt shows what it changes."""
    lines = (f"{json.dumps(name)}: {json.dumps(rows[name])}" for name in sorted(rows))
    text = ",\n".join(lines)
    path.write_text(f'{{"ccxt": {json.dumps(version)}, "classes": {{\n{text}\n}}}}\n')


def read(path: Path = PATH) -> tuple[str, dict[str, Row]]:
    """The version of ccxt and its classes' rows."""
    told = json.loads(path.read_text())
    return told["ccxt"], told["classes"]


def differences(before: Mapping[str, Row], after: Mapping[str, Row]) -> list[str]:
    """``class.kind.column: old → new``, for the classes of ``after``."""
    found = []
    for name, row in after.items():
        old, new = _flat(before.get(name, {})), _flat(row)
        for column in sorted(old.keys() | new.keys()):
            if old.get(column) != new.get(column):
                found.append(f"{name}.{column}: {old.get(column)!r} → {new.get(column)!r}")
    return found


def summary(rows: Mapping[str, Row]) -> Iterable[str]:
    """For each column how many kinds of markets say what, the commonest first."""
    counts: dict[str, Counter[str]] = {}
    for row in rows.values():
        for kind in row.values():
            told = _flat(kind) if isinstance(kind, Mapping) else {}
            for column, value in told.items():
                counts.setdefault(column, Counter())[_in_short(column, value)] += 1
    for column, found in counts.items():
        told = ", ".join(f"{what} {count}" for what, count in found.most_common())
        yield f"{column:<18}{told}"


def _in_short(column: str, value: Any) -> str:
    is_named = column in ("read_back", "answer.id") and value is not None
    return "a field" if is_named else str(value).partition(":")[0]


def _flat(row: Row, before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        inner = isinstance(value, Mapping)
        found |= _flat(value, f"{before}{name}.") if inner else {before + name: value}
    return found
