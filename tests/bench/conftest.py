"""Fakes of both ports, as in the tests of ``positions``."""

from positions.tests.conftest import _fresh  # noqa: F401
