"""Secrets that nobody guesses, and files that nobody else reads."""

import os
import re
import stat
import subprocess

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from accounts.models import User
from accounts.validation import require_password
from oms_project.errors import Invalid
from oms_project.guard import folder
from oms_project.keys import metrics_token, new_key, secret_keys
from oms_project.starting.welcome import guide

GOOD = new_key()


def given(**variables: str) -> environ.Env:
    """An environment of its own."""
    env = environ.Env()
    env.ENVIRON = variables
    return env


@pytest.mark.parametrize("weak", ["a", "1234567890", "a" * 64, "abcabcabc" * 8])
@pytest.mark.parametrize("name", ["CREDENTIALS_KEYS", "DJANGO_SECRET_KEY"])
def test_a_master_key_that_can_be_guessed_starts_nothing(name, weak):
    env = given(**{"CREDENTIALS_KEYS": GOOD, "DJANGO_SECRET_KEY": GOOD, name: weak})

    with pytest.raises(ImproperlyConfigured, match=name) as refused:
        secret_keys(env, None)

    assert weak not in str(refused.value) or len(weak) == 1


def test_a_weak_key_behind_a_good_one_can_be_rotated_away():
    keys = secret_keys(given(DJANGO_SECRET_KEY=GOOD, CREDENTIALS_KEYS=f"{GOOD},a"), None)

    assert keys.credentials == [GOOD, "a"]


def test_so_it_is_with_the_token_of_the_metrics():
    with pytest.raises(ImproperlyConfigured, match="OMS_METRICS_TOKEN"):
        metrics_token(given(OMS_METRICS_TOKEN="metrics"))
    assert metrics_token(given()) == ""


@pytest.mark.parametrize("password", ["48151623", "000000000000", "password1"])
def test_a_password_of_digits_or_of_everybody_is_refused(password):
    with pytest.raises(Invalid):
        require_password(password, user=User(username="boss"))


def test_a_new_data_folder_is_its_owners_and_an_older_one_is_named(tmp_path):
    fresh, older = tmp_path / "fresh", tmp_path / "older"
    older.mkdir()
    older.chmod(0o755)

    folder.make_private(fresh)

    assert stat.S_IMODE(fresh.stat().st_mode) == 0o700
    with override_settings(OMS_DATA_DIR=fresh):
        assert folder.check_data_folder() == []
    with override_settings(OMS_DATA_DIR=older):
        assert str(older) in folder.check_data_folder()[0].msg
    assert os.umask(folder.OTHERS) == folder.OTHERS


FACTS = """{"base_url": "http://127.0.0.1:1", "api_key": "cxp_key_text",
  "admin": {"username": "admin", "password": "the password"},
  "trader": {"username": "trader", "password": "the other one"},
  "accounts": [{"id": 1, "symbols": ["BTC/USDT"]}]}"""


def test_the_quick_start_shows_its_secrets_once(tmp_path):
    path = tmp_path / "quickstart.json"
    path.write_text(FACTS)

    first, later = guide(path, are_new=True), guide(path, are_new=False)

    for secret in ("cxp_key_text", "the password", "the other one"):
        assert secret in first
        assert secret not in later
    assert str(path) in later
    # What is printed later finds the key where it stands.
    header = re.search(r"-H (\"x-api-key.*\")", later)[1]
    shown = subprocess.run(["bash", "-c", f"printf %s {header}"], capture_output=True, text=True)
    assert shown.stdout == "x-api-key: cxp_key_text", shown.stderr
