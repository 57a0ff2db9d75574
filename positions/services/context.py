"""What does every command need while it is being accepted?"""

from dataclasses import dataclass
from functools import partial

from django.db import transaction

from accounts.models import Account
from accounts.rights.permissions import Caller
from oms_project.errors import Invalid
from positions.commands import Envelope
from positions.engine.types import CommandStatus, Reason
from positions.models import Command
from positions.outbox import HeldLane
from positions.ports import exchange


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The lane that is held, who asks, what the command's envelope says, and the account."""

    lane: HeldLane
    caller: Caller
    envelope: Envelope
    account: Account

    def store(self, *, status: CommandStatus = CommandStatus.ACCEPTED) -> Command:
        """The command's row."""
        return Command.objects.create(
            account=self.account,
            user_id=self.caller.user_id,
            api_key_id=self.caller.api_key_id,
            given_with=self.caller.api_key_id or 0,
            kind=self.envelope.command,
            request_id=self.envelope.request_id,
            fingerprint=self.envelope.fingerprint,
            payload=self.envelope.payload,
            status=status,
            after_id=self.envelope.after_id,
            created_at=self.lane.now,
            finished_at=None if status is CommandStatus.ACCEPTED else self.lane.now,
        )

    def wake_exchange(self) -> None:
        """Ring the worker's bell once the transaction has committed."""
        transaction.on_commit(partial(exchange().wake, self.account.pk))

    def reason(self, given: Reason | None) -> Reason:
        """The caller's role where it is a reason, else ``api``; what is given has to say the same.

        Raises:
            Invalid: another one is given.
        """
        role = str(self.caller.role)
        own = Reason(role) if role in _ROLE_REASONS else Reason.API
        if given not in (None, own):
            raise Invalid(
                "The reason is the role of who gives the order.",
                field="reason",
                limit=str(own),
                value=str(given),
            )
        return own


_ROLE_REASONS = {Reason.TRADER, Reason.PORTFOLIO_MANAGER, Reason.ROBOT, Reason.RISK}
