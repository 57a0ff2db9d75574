"""The one place that books: what the exchange said becomes rows, positions and events.

Doors: the names below. ``leases`` says who serves an account; ``orders`` hands instructions to
whoever sends them and books what became of it; ``apply`` books what the exchange reports, through
``booking``; ``comparisons`` what differs from it. Whatever touched a symbol is followed up at the
end of its transaction: stops by ``protection``, what may only reduce by ``orders.reducing``.
Always: under the account's lane, in one transaction with its events; booking again changes nothing.
"""

from positions.outbox import when_touched
from positions.projector.apply import apply
from positions.projector.booking.closable import look_again
from positions.projector.orders.claims import Claim, claim, expire_overdue, may_still_be_sent
from positions.projector.orders.outcomes import mark_unknown, not_sent, presume_rejected, refuse
from positions.projector.orders.reducing import follow_positions
from positions.projector.orders.stopping import reject_stopped
from positions.projector.protection import following

when_touched(following.adjust)
when_touched(follow_positions)
when_touched(look_again)

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
