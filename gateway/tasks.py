"""Which Celery tasks are there? Doorbells: the rows are the queue, a task only says "look"."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from gateway import heartbeat, runner
from positions import projector
from positions.models import Instruction, InstructionState, Order

OVERLOOKED_AFTER = timedelta(seconds=1)
DUE_AT_ONCE = 100


@shared_task(name="gateway.wake", acks_late=True, ignore_result=True)
def wake(account_id: int) -> None:
    """Send what waits for the account."""
    runner.wake(account_id)


@shared_task(name="gateway.sweep", acks_late=True, ignore_result=True)
def sweep() -> None:
    """Find what a lost bell, a dead worker or a silent exchange left behind."""
    if not runner.is_ready():
        return
    now = timezone.now()
    heartbeat.beat()
    for account_id in projector.expire_overdue(now):
        runner.wake(account_id)
    for account_id in _overlooked(now):
        runner.wake(account_id)
    due = Order.objects.open().filter(next_check_at__lte=now)
    order_ids = list(due.order_by("next_check_at").values_list("pk", flat=True)[:DUE_AT_ONCE])
    if order_ids:
        runner.look_up(order_ids)


def _overlooked(now) -> list[int]:
    """Accounts with instructions that wait longer than a bell takes."""
    waiting = Instruction.objects.filter(
        state=InstructionState.PENDING, created_at__lte=now - OVERLOOKED_AFTER
    )
    return list(waiting.values_list("account_id", flat=True).distinct())
