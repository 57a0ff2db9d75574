"""What the tests of stops share: a guarded desk, and somebody who trades against it."""

from collections.abc import Callable

import pytest

from positions.tests.guarded import Guarded


@pytest.fixture
def guarded(db: None) -> Guarded:
    """A strategy-netting account on a linear market that knows stops."""
    return Guarded(position_mode="strategy_netting")


@pytest.fixture
def offset(guarded: Guarded) -> Callable[..., None]:
    """Another strategy, which sells as much as it is told."""
    strategy = guarded.strategy()

    def sell(qty: str, side: str = "sell") -> None:
        guarded.filled(side, qty, guarded.price, strategy_id=strategy.pk)
        guarded.carry_on()

    return sell
