"""An order's life: which moves are legal, and where a report leaves it."""

from decimal import Decimal
from itertools import product

import pytest

from positions.engine.errors import InvalidOrderState
from positions.engine.orders import (
    FINAL,
    MOVES,
    OPEN,
    CancelStep,
    Progress,
    Proof,
    cancel_step,
    may_move,
    status_after,
)
from positions.engine.types import OrderStatus as S

TWO = Decimal(2)


def after(held: S, reported: S | None, *, was: str = "0", now: str = "0", presumed: bool = False):
    return status_after(
        Progress(held, Decimal(was)),
        qty=TWO,
        reported=reported,
        reported_filled=Decimal(now),
        presumed=presumed,
    )


def test_the_table_names_every_state_and_open_is_not_final():
    assert set(MOVES) == set(S)
    assert OPEN | FINAL == set(S)
    assert not OPEN & FINAL
    assert S.FILLED in FINAL
    assert S.UNKNOWN in OPEN


@pytest.mark.parametrize("status", sorted(FINAL))
def test_a_final_state_is_never_left_freely(status):
    assert not any(may_move(status, other) for other in S)


def test_sending_goes_back_only_on_proof_that_nothing_was_executed():
    assert not may_move(S.SENDING, S.PENDING_SUBMIT)
    assert not may_move(S.SENDING, S.PENDING_SUBMIT, Proof.ADOPTED)
    assert may_move(S.SENDING, S.PENDING_SUBMIT, Proof.NOT_EXECUTED)
    assert not any(may_move(s, S.PENDING_SUBMIT, Proof.NOT_EXECUTED) for s in S if s != S.SENDING)


@pytest.mark.parametrize("live", [S.SENDING, S.SUBMITTED, S.PARTIALLY_FILLED])
def test_an_order_in_flight_may_become_unknown(live):
    assert may_move(live, S.UNKNOWN)


@pytest.mark.parametrize(
    "known",
    [S.SUBMITTED, S.PARTIALLY_FILLED, S.FILLED, S.CANCELED, S.REJECTED, S.EXPIRED],
)
def test_unknown_resolves_into_anything_the_exchange_can_say(known):
    assert may_move(S.UNKNOWN, known)


def test_what_was_never_sent_ends_locally():
    assert all(may_move(S.PENDING_SUBMIT, end) for end in (S.CANCELED, S.EXPIRED, S.REJECTED))
    assert not may_move(S.PENDING_SUBMIT, S.SUBMITTED)
    assert may_move(S.PENDING_SUBMIT, S.SUBMITTED, Proof.ADOPTED)


@pytest.mark.parametrize("found", [S.SUBMITTED, S.FILLED, S.CANCELED])
def test_a_presumed_rejection_is_taken_back_when_the_order_shows_up(found):
    adopted = after(S.REJECTED, found, now="2" if found is S.FILLED else "0", presumed=True)

    assert (adopted.status, adopted.proof) == (found, Proof.ADOPTED)
    assert after(S.REJECTED, found).status is S.REJECTED


def test_fills_never_go_down():
    assert after(S.PARTIALLY_FILLED, S.SUBMITTED, was="1", now="0") == Progress(
        S.PARTIALLY_FILLED, Decimal(1)
    )


def test_a_partly_filled_order_stays_so_while_its_fills_are_still_being_booked():
    assert after(S.PARTIALLY_FILLED, S.SUBMITTED).status is S.PARTIALLY_FILLED
    assert after(S.PARTIALLY_FILLED, S.REJECTED).status is S.CANCELED


def test_an_older_live_report_does_not_reopen_a_cancelled_order():
    assert after(S.CANCELED, S.SUBMITTED).status is S.CANCELED
    assert after(S.FILLED, S.PARTIALLY_FILLED, was="2", now="1").status is S.FILLED


def test_a_late_fill_raises_a_cancelled_order_and_a_whole_one_is_filled():
    late = after(S.CANCELED, None, was="0.5", now="1")
    whole = after(S.CANCELED, None, was="1", now="2")

    assert late == Progress(S.CANCELED, Decimal(1))
    assert whole == Progress(S.FILLED, TWO, Proof.FILLED)


def test_a_cancel_that_came_too_late_is_a_fill():
    assert after(S.SUBMITTED, S.CANCELED, now="2").status is S.FILLED


def test_cancelled_with_fills_is_cancelled():
    assert after(S.PARTIALLY_FILLED, S.CANCELED, was="1", now="1") == Progress(
        S.CANCELED, Decimal(1)
    )


def test_refused_after_some_fills_is_cancelled():
    assert after(S.PARTIALLY_FILLED, S.REJECTED, was="1").status is S.CANCELED


def test_a_fill_alone_proves_that_the_order_lives():
    assert after(S.UNKNOWN, None, now="1").status is S.PARTIALLY_FILLED
    assert after(S.SENDING, None, now="1").status is S.PARTIALLY_FILLED
    assert after(S.SUBMITTED, None, now="2").status is S.FILLED


@pytest.mark.parametrize("word", [None, S.UNKNOWN, S.SENDING, S.PENDING_SUBMIT])
def test_a_report_that_says_nothing_changes_nothing(word):
    assert after(S.UNKNOWN, word, was="1", now="1") == Progress(S.UNKNOWN, Decimal(1))


def test_filled_is_believed_before_its_fills_arrive():
    assert after(S.SUBMITTED, S.FILLED) == Progress(S.FILLED, Decimal(0))


@pytest.mark.parametrize(
    ("status", "step"),
    [
        (S.PENDING_SUBMIT, CancelStep.LOCALLY),
        (S.SENDING, CancelStep.WISH),
        (S.UNKNOWN, CancelStep.WISH),
        (S.SUBMITTED, CancelStep.AT_VENUE),
        (S.PARTIALLY_FILLED, CancelStep.AT_VENUE),
        (S.CANCELED, CancelStep.ALREADY),
    ],
)
def test_each_state_says_how_it_is_cancelled(status, step):
    assert cancel_step(status) is step


@pytest.mark.parametrize("status", [S.FILLED, S.REJECTED, S.EXPIRED])
def test_a_finished_order_cannot_be_cancelled(status):
    with pytest.raises(InvalidOrderState):
        cancel_step(status)


def test_no_report_on_no_order_makes_an_illegal_move():
    """Every held state, report, amount held and amount reported, presumed or not."""
    amounts = [Decimal(0), Decimal(1), TWO]
    for held, reported, was, now, presumed in product(
        S, [None, *S], amounts, amounts, [False, True]
    ):
        moved = status_after(
            Progress(held, was), qty=TWO, reported=reported, reported_filled=now, presumed=presumed
        )

        assert moved.status is held or may_move(held, moved.status, moved.proof)
        assert moved.filled_qty == max(was, now)
