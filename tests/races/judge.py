"""What came of a race, told from the venue's journal alone, and from what the client was answered.

The position that has the stop is sold once, whoever does it: the stop, the close, the desk.
"""

from collections.abc import Iterator
from decimal import Decimal

from tests.races.race import OPPOSITE, Run

ZERO = Decimal(0)
WITHIN = Decimal("0.0101")  # What fees in coins leave below a step.


def violations(run: Run) -> list[str]:
    """Everything that is not as it has to be, in words; empty as a rule."""
    if not run.started:
        return ["the stop never came to its place"]
    return [*_volume(run), *_stops_left(run), *_unanswered(run)]


def _volume(run: Run) -> Iterator[str]:
    """What was sold since the race began, less what was bought."""
    sold, most = ZERO, ZERO
    for trade in run.venue.trades[run.before :]:
        sold += trade.qty if trade.side == "sell" else -trade.qty
        most = max(most, sold)
    to_sell = _to_sell(run)
    if most > to_sell + WITHIN:
        word = "reverse position" if _net(run) < -WITHIN else "closed twice"
        yield f"{word}: {most} sold of {to_sell}"
    elif sold < to_sell - WITHIN:
        yield f"left open: {sold} sold of {to_sell}"


def _to_sell(run: Run) -> Decimal:
    """How much may be sold in all: the position, less what a close-by closed; after a kill all."""
    if run.race.cell.act == "kill with flatten" and not run.refused:
        before = run.venue.trades[: run.before]
        fees = sum((t.fee for t in before if t.fee_currency == "BTC"), ZERO)
        return sum((t.qty if t.side == "buy" else -t.qty for t in before), ZERO) - fees
    answer = run.answer
    if run.race.cell.act == "close-by" and answer is not None:
        answer.refresh_from_db()
        if answer.status == "completed":
            return run.volume - Decimal(OPPOSITE)
    return run.volume


def _net(run: Run) -> Decimal:
    return run.venue.coins if run.venue.is_spot else run.venue.net


def _stops_left(run: Run) -> Iterator[str]:
    for stop in run.venue.waiting():
        yield f"a stop is left: {stop.qty} at {stop.trigger}"


def _unanswered(run: Run) -> Iterator[str]:
    if run.answer is not None:
        run.answer.refresh_from_db()
        if run.answer.status in ("accepted", "unknown") and run.race.cell.act == "close-by":
            yield f"the close-by has no answer: {run.answer.status}"
