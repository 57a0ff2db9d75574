"""Which number did the exchange tell?"""

from decimal import Decimal

import pytest

from gateway.exchanges.numbers import Unreadable, exact


def test_a_float_is_read_by_its_shortest_decimal():
    assert exact(0.1) == Decimal("0.1")
    assert exact(1e-7) == Decimal("0.0000001")


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", float("nan"), "abc", [], True, "1e30", "1e-19", 10**25]
)
def test_poison_is_not_a_number(value):
    with pytest.raises(Unreadable):
        exact(value)
