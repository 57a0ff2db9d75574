"""How fast does the OMS ask an exchange, and who goes first?

``allowances`` says what an exchange permits, ``counts`` and ``everywhere`` keep what was used (in
this process, or in Redis for all of them), ``turns`` makes everybody wait for theirs: cancels and
closes first, reading last. See docs/adr/0021-one-pace-for-all-processes.md.
"""

from gateway.pacing.allowances import Limit, Pace, pace_of, told_by
from gateway.pacing.counts import Allowance
from gateway.pacing.turns import MOST_WAIT_S, PAUSE_S, Rank, TooFast, going, heed, pause, turn

__all__ = [
    "MOST_WAIT_S",
    "PAUSE_S",
    "Allowance",
    "Limit",
    "Pace",
    "Rank",
    "TooFast",
    "going",
    "heed",
    "pace_of",
    "pause",
    "told_by",
    "turn",
]
