"""What can the risk desk do? Every service takes a comment and leaves one entry in the trail."""

from riskdesk.services.controls import (
    allow_new_positions,
    set_account_status,
    set_halt,
    set_limits,
)
from riskdesk.services.kill import Stopped, pull, release

__all__ = [
    "Stopped",
    "allow_new_positions",
    "pull",
    "release",
    "set_account_status",
    "set_halt",
    "set_limits",
]
