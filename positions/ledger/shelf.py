"""How does a replay remember every position without holding all of them in memory?"""

import pickle
import sqlite3
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")

MOST_IN_MEMORY = 20_000
_AT_ONCE = 500


class Shelf(Generic[T]):
    """Values by number: the newest in memory, the others in a temporary file.

    What ``get`` returned may be changed, and is ``put`` back after that. The file is SQLite's own
    temporary one: nobody else can open it, and it is gone with the process.
    """

    def __init__(self, most: int = MOST_IN_MEMORY) -> None:
        self._most = most
        self._here: dict[int, T] = {}
        self._file = sqlite3.connect("")
        self._file.execute("CREATE TABLE shelf (number INTEGER PRIMARY KEY, value BLOB)")
        self._filed = False

    def put(self, number: int, value: T) -> None:
        """Store a value; the older half goes to the file when too many are in memory."""
        self._here[number] = value
        if len(self._here) > self._most:
            self._move(self._most // 2)

    def get(self, number: int | None) -> T | None:
        """The value, None where there is none."""
        if number is None:
            return None
        found = self._here.get(number)
        if found is not None or not self._filed:
            return found
        row = self._file.execute("SELECT value FROM shelf WHERE number = ?", (number,)).fetchone()
        if row is None:
            return None
        value: T = _loaded(row[0])
        self.put(number, value)
        return value

    def chunks(self) -> Iterator[dict[int, T]]:
        """All values in the order of their numbers, some hundreds at a time."""
        if not self._filed:
            numbers = sorted(self._here)
            for at in range(0, len(numbers), _AT_ONCE):
                yield {number: self._here[number] for number in numbers[at : at + _AT_ONCE]}
            return
        self._move(len(self._here))
        last = -(2**63)
        while rows := self._file.execute(
            "SELECT number, value FROM shelf WHERE number > ? ORDER BY number LIMIT ?",
            (last, _AT_ONCE),
        ).fetchall():
            yield {number: _loaded(value) for number, value in rows}
            last = rows[-1][0]

    def close(self) -> None:
        """Give memory and file back."""
        self._here.clear()
        self._file.close()

    def _move(self, count: int) -> None:
        oldest = list(self._here)[:count]
        self._file.executemany(
            "INSERT OR REPLACE INTO shelf VALUES (?, ?)",
            [(number, pickle.dumps(self._here.pop(number))) for number in oldest],
        )
        self._filed = True


def _loaded(value: bytes) -> Any:
    return pickle.loads(value)  # noqa: S301 (written by this process, into a file of its own)
