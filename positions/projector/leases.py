"""Which worker serves an account, and until when?

One at a time. A lease is taken by a conditional update of the account's lane, by the database's
clock, and has to be renewed; whoever takes it raises the fence, so that a claim of the one before
is refused (``claims.claim``). It decides who sends and watches, not what is true: booking the same
report twice changes nothing, whoever does it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F, Q
from django.db.models.functions import Now

from positions.models import AccountLane

FREE = Q(owner="") | Q(leased_until=None) | Q(leased_until__lt=Now())


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to serve an account; ``fence`` goes with every claim.

    ``ran_out`` means that its last owner neither gave it up nor is known to have ended: what that
    one sent last may still be on its way.
    """

    account_id: int
    fence: int
    ran_out: bool = False


def take(
    account_id: int, *, owner: str, for_s: float, is_dead: Callable[[str], bool]
) -> Lease | None:
    """Take the account's lease where it is free; ``None`` where somebody else has it.

    ``is_dead`` says of an owner whether it is known to have ended: its lease need not run out.
    """
    lane = AccountLane.objects.filter(pk=account_id).first()
    if lane is None:
        return None
    before = lane.owner
    known_to_be_free = before in ("", owner) or is_dead(before)
    free = Q(owner=before) if known_to_be_free else FREE
    taken = AccountLane.objects.filter(free, pk=account_id, fence=lane.fence).update(
        owner=owner, fence=F("fence") + 1, leased_until=Now() + timedelta(seconds=for_s)
    )
    if not taken:
        return None
    return Lease(account_id, lane.fence + 1, ran_out=not known_to_be_free)


def free_accounts() -> list[int]:
    """The accounts that nobody serves."""
    return list(AccountLane.objects.filter(FREE).order_by("pk").values_list("pk", flat=True))


def renew(leases: Iterable[Lease], *, owner: str, for_s: float) -> set[int]:
    """Prolong what is still the owner's; returns the accounts that are."""
    account_ids = [lease.account_id for lease in leases]
    own = AccountLane.objects.filter(pk__in=account_ids, owner=owner)
    own.update(leased_until=Now() + timedelta(seconds=for_s))
    return set(own.values_list("pk", flat=True))


def release(*, owner: str) -> None:
    """Give up everything: the accounts are free for the next worker at once."""
    AccountLane.objects.filter(owner=owner).update(owner="", leased_until=None)
