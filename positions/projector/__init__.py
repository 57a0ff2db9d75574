"""The one place that books: what the exchange said becomes rows, positions and events.

``leases`` says who serves an account; ``claims`` hands instructions to whoever sends them;
``outcomes`` books what became of a send; ``apply`` books what the exchange reports; ``fills`` turns
a trade into deals and positions; ``protection`` lets stops follow their positions.
"""

from positions.outbox import when_touched
from positions.projector import protection
from positions.projector.apply import apply
from positions.projector.claims import Claim, claim, expire_overdue, may_still_be_sent
from positions.projector.outcomes import mark_unknown, not_sent, presume_rejected, refuse
from positions.projector.stopping import reject_stopped

when_touched(protection.adjust)

__all__ = [
    "Claim",
    "apply",
    "claim",
    "expire_overdue",
    "mark_unknown",
    "may_still_be_sent",
    "not_sent",
    "presume_rejected",
    "refuse",
    "reject_stopped",
]
