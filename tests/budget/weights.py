"""What did the venue count, in which minute and for what?"""

import re
import threading
import time
from collections import Counter, defaultdict

from tests.faults.proxy import Answer, Asked

LIMITS = {"linear": 2400, "spot": 6000}
_WEIGHT = re.compile(r"x-mbx-used-weight-1m", re.IGNORECASE)
EDGE_S = 2.0  # An answer that comes so soon after a minute's end may be of the one before.

Place = tuple[str, int]
"""A market and a minute."""


class Weights:
    """Notes, of each answer, how much its minute had used by then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[Place, list[tuple[int, str]]] = defaultdict(list)

    def note(self, asked: Asked, answer: Answer) -> None:
        """A rule of the proxy."""
        market = "linear" if asked.path.startswith("/fapi") else "spot"
        told = [value for name, value in answer.headers.items() if _WEIGHT.fullmatch(name)]
        whole = "" if "symbol" in asked.values else " of all"
        with self._lock:
            for used in map(int, told):
                minute = self._minute_of(market, used)
                self._answers[market, minute].append((used, f"{asked.method} {asked.path}{whole}"))

    def forget_before(self, minute: int) -> None:
        """Keep what is of that minute and later."""
        with self._lock:
            for place in [place for place in self._answers if place[1] < minute]:
                del self._answers[place]

    def by_minute(self, market: str) -> list[int]:
        """What each minute used, the first one first."""
        with self._lock:
            used = {
                minute: max(answers)[0]
                for (name, minute), answers in self._answers.items()
                if name == market
            }
        return [used[minute] for minute in sorted(used)]

    def by_endpoint(self, market: str) -> list[tuple[str, int, int]]:
        """Endpoint, calls and weight, the heaviest first.

        An answer tells what was used up to its request, so each weighs what it adds to the one
        before it.
        """
        calls: Counter[str] = Counter()
        weights: Counter[str] = Counter()
        with self._lock:
            minutes = [sorted(of) for (name, _), of in self._answers.items() if name == market]
        for answers in minutes:
            before = 0
            for used, endpoint in answers:
                calls[endpoint] += 1
                weights[endpoint] += used - before
                before = used
        return [(endpoint, calls[endpoint], weight) for endpoint, weight in weights.most_common()]

    def _minute_of(self, market: str, used: int) -> int:
        """Now, or the minute before at its edge, where the count is nearer to that one's."""
        now_s = time.time()
        minute = int(now_s // 60)
        if now_s % 60 > EDGE_S:
            return minute
        before, after = (
            max(self._answers.get((market, each), [(0, "")]))[0] for each in (minute - 1, minute)
        )
        return minute - 1 if abs(used - before) < abs(used - after) else minute
