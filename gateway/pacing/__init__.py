"""How fast does the OMS ask an exchange, and who goes first?

``allowances`` says what an exchange permits, ``counts`` and ``everywhere`` keep what was used (in
this process, or in Redis for all of them), ``turns`` makes everybody wait for theirs: cancels and
closes first, reading last; what the OMS asks all the time has a budget. See
docs/adr/0021 and 0028.
"""

from gateway.pacing.allowances import Pace, pace_of
from gateway.pacing.counts import Allowance
from gateway.pacing.patience import within
from gateway.pacing.turns import (
    MOST_WAIT_S,
    PAUSE_S,
    Rank,
    TooFast,
    going,
    heed,
    pause,
    turn,
)

__all__ = [
    "MOST_WAIT_S",
    "PAUSE_S",
    "Allowance",
    "Pace",
    "Rank",
    "TooFast",
    "going",
    "heed",
    "pace_of",
    "pause",
    "turn",
    "within",
]
