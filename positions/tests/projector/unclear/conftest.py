"""A process that fails in the middle of its next booking."""

from collections.abc import Callable

import pytest

from oms_project import faultpoints
from oms_project.faultpoints import Place


@pytest.fixture
def stumbles() -> Callable[[], None]:
    """Have the process fail in the middle of its next booking."""

    def at(place: Place) -> None:
        if place is Place.BOOKING:
            faultpoints.listen(None)
            raise RuntimeError("gone")

    yield lambda: faultpoints.listen(at)
    faultpoints.listen(None)
