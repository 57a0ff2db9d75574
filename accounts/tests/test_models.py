"""What the database itself guards."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from accounts.audit import OPERATOR
from accounts.models import (
    Account,
    ApiKey,
    AppendOnly,
    AuditEntry,
    KeyPermission,
    KeyStrategy,
    User,
)
from accounts.tests import builders
from accounts.words import PositionMode, Reversal

pytestmark = pytest.mark.django_db


def entry():
    return audit.record(by=OPERATOR, action="tested", object_type="test", object_id=1)


def test_the_trail_is_only_added_to():
    row = entry()

    for attempt in (
        row.save,
        row.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(action="other"),
        lambda: AuditEntry.objects.filter(pk=row.pk).update(action="other"),
    ):
        with pytest.raises(AppendOnly):
            attempt()
    assert AuditEntry.objects.get().action == "tested"


def test_the_modes_are_spelled_as_in_the_contract():
    assert list(PositionMode) == ["netting", "strategy_netting", "hedge"]
    assert list(Reversal) == ["split", "mt5"]


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        (User.objects, {"role": "emperor"}),
        (Account.objects, {"status": "frozen"}),
        (Account.objects, {"position_mode": "both"}),
        (Account.objects, {"reversal": "none"}),
        (ApiKey.objects, {"status": "lost"}),
    ],
)
def test_a_word_that_is_none_cannot_be_stored(rows, wrong):
    builders.key(builders.user(), builders.account())

    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(**wrong)


def test_a_permission_exists_once_per_key_and_account():
    account = builders.account()
    strategy = builders.strategy("trend", account)
    issued = builders.key(builders.user(), account, strategies=[strategy])
    permission = KeyPermission.objects.get()

    with pytest.raises(IntegrityError), transaction.atomic():
        KeyPermission.objects.create(api_key=issued.row, account=account)
    with pytest.raises(IntegrityError), transaction.atomic():
        KeyStrategy.objects.create(permission=permission, strategy=strategy)


def test_a_key_shows_its_prefix_and_no_more():
    issued = builders.key(builders.user(), label="bot")

    assert str(issued.row) == f"cxp_{issued.row.prefix}_… bot"
    assert issued.row.digest not in repr(issued.row)


def test_a_key_lives_until_its_expiry():
    key = ApiKey(expires_at=timezone.now())

    assert not key.is_live(at=key.expires_at)
    assert ApiKey().is_live()
