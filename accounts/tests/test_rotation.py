"""A new credentials key: everything readable all the time, nothing left on the old one."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from accounts import services
from accounts.audit import OPERATOR
from accounts.credentials import login_of
from accounts.models import AuditEntry, Credentials, TwoFactor
from accounts.services import rotation, two_factor
from accounts.tests import builders

pytestmark = pytest.mark.django_db
OLD, NEW = "the old key", "the new key"


@pytest.fixture
def logins(settings):
    """Three accounts with logins and one second factor, all on the old key."""
    settings.CREDENTIALS_KEYS = [OLD]
    accounts = [builders.account(f"account {number}") for number in range(3)]
    for number, account in enumerate(accounts):
        services.upsert_credentials(
            account=account, api_key=f"key-{number}", secret=f"secret-{number}", by=OPERATOR
        )
    two_factor.enrol(user=builders.user(), by=OPERATOR)
    return accounts


def run(*words):
    out, err = io.StringIO(), io.StringIO()
    call_command("rotate_credentials_key", *words, stdout=out, stderr=err)
    return json.loads(out.getvalue()), err.getvalue().splitlines()


def test_afterwards_the_old_key_is_not_needed(logins, settings):
    settings.CREDENTIALS_KEYS = [NEW, OLD]
    secret = TwoFactor.objects.get().secret

    answer, progress = run()

    facts = {"newest": 0, "rewritten": 7, "unreadable": 0, "changed_meanwhile": 0}
    assert answer == {"secrets": facts}
    assert progress[-1] == "7 of 7"
    assert AuditEntry.objects.get(action="credentials_key_rotated").after == facts
    settings.CREDENTIALS_KEYS = [NEW]
    assert [login_of(account).secret for account in logins] == ["secret-0", "secret-1", "secret-2"]
    assert TwoFactor.objects.get().secret == secret


def test_a_run_that_was_cut_short_is_completed_by_the_next(logins, settings, monkeypatch):
    settings.CREDENTIALS_KEYS = [NEW, OLD]
    monkeypatch.setattr(rotation, "BATCH", 1)

    def stop_after_two(tally):
        if tally.seen == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotation.rotate(by=OPERATOR, on_progress=stop_after_two)
    assert [login_of(account).secret for account in logins] == ["secret-0", "secret-1", "secret-2"]

    tally = rotation.rotate(by=OPERATOR)
    assert (tally.newest, tally.rewritten) == (2, 5)


def test_repeating_it_changes_nothing(logins, settings):
    settings.CREDENTIALS_KEYS = [NEW, OLD]
    run()

    assert run()[0]["secrets"] == {
        "newest": 7,
        "rewritten": 0,
        "unreadable": 0,
        "changed_meanwhile": 0,
    }


def test_a_login_that_is_set_meanwhile_is_not_overwritten(logins, settings, monkeypatch):
    settings.CREDENTIALS_KEYS = [NEW, OLD]
    monkeypatch.setattr(rotation, "BATCH", 3)
    batches = rotation._batches

    def changed_in_between(model, name):
        for batch in batches(model, name):
            if model is Credentials and name == "secret":
                settings.CREDENTIALS_KEYS = [OLD, NEW]  # A process that was not restarted yet.
                services.upsert_credentials(
                    account=logins[1], api_key="key-1", secret="changed", by=OPERATOR
                )
                settings.CREDENTIALS_KEYS = [NEW, OLD]
            yield batch

    monkeypatch.setattr(rotation, "_batches", changed_in_between)
    with pytest.raises(CommandError, match="run it again"):
        run()

    monkeypatch.undo()
    assert login_of(logins[1]).secret == "changed"
    run()
    settings.CREDENTIALS_KEYS = [NEW]
    assert login_of(logins[1]).secret == "changed"


def test_a_secret_that_no_key_opens_is_said_and_left_alone(logins, settings):
    settings.CREDENTIALS_KEYS = [NEW]

    with pytest.raises(CommandError, match="7 secrets open with no key"):
        run()

    settings.CREDENTIALS_KEYS = [OLD]
    assert login_of(logins[0]).secret == "secret-0"


def test_a_check_only_counts(logins, settings):
    run("--check")
    settings.CREDENTIALS_KEYS = [NEW, OLD]

    with pytest.raises(CommandError, match="7 of 7 are not on the newest key"):
        run("--check")

    settings.CREDENTIALS_KEYS = [OLD]
    assert login_of(logins[0]).secret == "secret-0"
