"""A small share of the fuzzing, the same each time: ``python -m tests.fuzz`` does the rest."""

import pytest

from tests.e2e.product import Product
from tests.fuzz.__main__ import LEAST_SERVED, fuzz

pytestmark = pytest.mark.e2e


def test_nothing_that_is_sent_is_a_500_or_left_without_an_answer(tmp_path):
    product = Product(tmp_path / "fuzz", settings={"OMS_LOGIN_FAILURES": "1000000"})
    try:
        tally = fuzz(product.start(), calls=270, seed=11, least=3)
    finally:
        product.stop()

    assert tally.failures == []
    assert min(sum(each.values()) for each in tally.statuses.values()) >= 3
    assert tally.served / tally.calls >= LEAST_SERVED
