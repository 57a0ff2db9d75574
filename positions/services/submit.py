"""How does a decided order become the answer to its command?"""

from positions.models import Command
from positions.projector.orders.placing import Decided, place
from positions.services.context import Acceptance


def submit(acceptance: Acceptance, decided: Decided) -> Command:
    """Store the command and its order, which will be sent."""
    command = acceptance.store()
    order = place(acceptance.lane, decided, command=command)
    command.order_ids = [order.pk]
    if decided.position is not None:
        command.position_ids = [decided.position.pk]
    command.save(update_fields=["order_ids", "position_ids"])
    return command
