"""What every test of ``accounts`` starts from: nothing remembered, and our own addresses."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from accounts.callers import authentication


@pytest.fixture(autouse=True)
def _fresh(settings: Any) -> Iterator[None]:
    settings.EXCHANGE_IDS = "accounts.tests.builders.exchange_ids"
    settings.CONNECTION_TEST = "accounts.tests.builders.probe"
    settings.CREDENTIALS_KEYS = ["a key for tests"]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ROOT_URLCONF = "accounts.tests.urls"
    settings.TRUSTED_PROXIES = ()
    settings.SESSION_PATHS = ()
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    authentication.forget()
    cache.clear()
    yield
    authentication.forget()
    cache.clear()
