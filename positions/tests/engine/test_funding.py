"""What befalls the exchange's net is shared among our positions to the last digit."""

from decimal import Decimal

import pytest

from positions.engine.errors import ValidationError
from positions.engine.funding import Share, Volume, forced_close_shares, funding_shares

D = Decimal


def test_funding_goes_by_signed_volume_and_the_remainder_to_the_largest():
    shares = funding_shares(D(1), [Volume(1, D(1)), Volume(2, D(1)), Volume(3, D("1"))])

    assert [share.amount for share in shares] == [
        D("0.333333333333333334"),
        D("0.333333333333333333"),
        D("0.333333333333333333"),
    ]


def test_a_position_against_the_net_gets_the_opposite_sign():
    shares = funding_shares(D("-1"), [Volume(1, D(3)), Volume(2, D(-1))])

    assert shares == (Share(1, D("-1.5")), Share(2, D("0.5")))


def test_a_flat_net_gets_no_funding():
    assert funding_shares(D(1), [Volume(1, D(1)), Volume(2, D(-1))]) == ()
    assert funding_shares(D(1), []) == ()


def test_a_forced_close_is_shared_by_step_and_its_rest_goes_to_the_first():
    volumes = [Volume(1, D(1)), Volume(2, D(1)), Volume(3, D(1))]

    shares = forced_close_shares(D("1"), volumes, step=D("0.1"))

    assert [share.amount for share in shares] == [D("0.4"), D("0.3"), D("0.3")]


def test_nobody_gives_more_than_he_has_for_the_rounding_of_others():
    shares = forced_close_shares(D("1.1"), [Volume(1, D("0.15")), Volume(2, D(1))], step=D("0.1"))

    assert shares == (Share(1, D("0.15")), Share(2, D("0.95")))


def test_a_forced_close_larger_than_its_side_is_refused():
    with pytest.raises(ValidationError):
        forced_close_shares(D(2), [Volume(1, D(1))])
