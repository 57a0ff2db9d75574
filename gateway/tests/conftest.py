"""A paper venue for the tests that want one."""

from collections.abc import Iterator

import pytest

from gateway.tests.paper import Paper


@pytest.fixture(scope="module")
def _running_paper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paper]:
    venue = Paper(tmp_path_factory.mktemp("paper"))
    yield venue
    venue.stop()


@pytest.fixture
def paper(_running_paper: Paper) -> Iterator[Paper]:
    """The running venue; faults end with the test."""
    yield _running_paper
    _running_paper.control("DELETE", "faults")
