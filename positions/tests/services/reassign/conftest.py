"""What the tests of reassigning look at."""

from typing import Any

from positions.tests.desk import Desk


def booked(desk: Desk) -> list[Any]:
    """Entry, quantity, profit and position of every live deal, oldest booking first."""
    return [(deal.entry, deal.qty, deal.profit, deal.position_id) for deal in desk.deals()]
