"""Who, from where, what before and after, why; and whether anybody changed the trail."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone

from accounts import services
from accounts.audit import OPERATOR
from accounts.callers import authentication
from accounts.models import AuditEntry, Refusal
from accounts.rights.permissions import AccountRights, StrategyRights
from accounts.tests import builders
from accounts.trail import linking, refusals
from accounts.words import Right, Role
from oms_project.errors import InvalidApiKey, InvalidLogin

pytestmark = pytest.mark.django_db
HERE = "192.0.2.7"


def raw():
    """Entries past the model, as somebody with the database has them."""
    return QuerySet(AuditEntry)


def test_entries_are_inserted_unlinked_and_linked_once(capsys):
    for number in range(3):
        builders.account(f"account {number}")
    assert linking.verify().unlinked == 3

    assert (linking.link(), linking.link()) == (3, 0)

    call_command("verify_audit")
    assert '"linked": 3' in capsys.readouterr().out
    found = linking.verify()
    assert (found.linked, found.unlinked, found.broken_at) == (3, 0, None)
    builders.account("one more")
    assert linking.verify().unlinked == 1
    assert linking.verify().oldest_unlinked is not None


@pytest.mark.parametrize(
    "tampering",
    {
        "a word changed": lambda: raw().filter(link_no=2).update(user_name="somebody else"),
        "an address changed": lambda: raw().filter(link_no=2).update(address="203.0.113.9"),
        "facts changed": lambda: raw().filter(link_no=2).update(after={}),
        "one removed": lambda: raw().filter(link_no=2).delete(),
        "the last removed": lambda: raw().filter(link_no=4).delete(),
        "two swapped": lambda: (
            raw().filter(link_no=2).update(link_no=9),
            raw().filter(link_no=3).update(link_no=2),
            raw().filter(link_no=9).update(link_no=3),
        ),
    }.items(),
    ids=lambda each: each[0],
)
def test_whatever_is_changed_afterwards_shows(tampering):
    for number in range(4):
        builders.account(f"account {number}")
    linking.link()
    assert linking.verify().broken_at is None

    tampering[1]()

    assert linking.verify().broken_at is not None
    with pytest.raises(CommandError, match="broken"):
        call_command("verify_audit")


def test_a_change_over_rest_tells_from_where():
    issued = builders.key(builders.user())
    client = Client(headers={"x-api-key": issued.plain}, REMOTE_ADDR=HERE)

    client.patch("/user/profile", {"first_name": "A"}, content_type="application/json")

    entry = AuditEntry.objects.get(action="profile_changed")
    assert (entry.address, entry.api_key_id) == (HERE, issued.row.pk)


def test_a_log_in_tells_from_where():
    builders.user("carol")

    services.log_in(user_name="carol", password=builders.PASSWORD, address=HERE)

    assert AuditEntry.objects.get(action="logged_in").address == HERE


def test_two_different_changes_of_strategies_give_different_entries():
    account = builders.account()
    one, other = (builders.strategy(name, account) for name in ("one", "other"))
    key = builders.key(builders.user(), account, strategies=[one]).row
    read = frozenset({Right.READ})

    for strategy in (other, one):
        rights = AccountRights(read, {strategy.pk: StrategyRights(can_trade=False)})
        services.grant(api_key=key, account_id=account.pk, rights=rights, by=OPERATOR)

    first, second = AuditEntry.objects.filter(action="permissions_changed").order_by("id")
    assert list(first.before["strategies"]) == [str(one.pk)]
    assert first.after["strategies"] == {str(other.pk): {"can_read": True, "can_trade": False}}
    assert second.before == first.after
    assert second.after != first.after


def test_failed_log_ins_and_refused_addresses_are_one_row_a_minute_with_a_count():
    issued = builders.key(builders.user("carol"), ip_allow_list=[HERE])

    for _ in range(3):
        with pytest.raises(InvalidLogin):
            services.log_in(user_name="carol", password="wrong", address="203.0.113.9")
        authentication.forget()
        with pytest.raises(InvalidApiKey):
            authentication.resolve(issued.plain, address="203.0.113.9")

    rows = list(Refusal.objects.values_list("kind", "user_name", "address", "api_key_id"))
    counted = sum(Refusal.objects.values_list("count", flat=True))
    assert set(rows) == {
        ("password", "carol", "203.0.113.9", 0),
        ("address", "carol", "203.0.113.9", issued.row.pk),
    }
    assert counted == 6
    assert len(rows) <= 4  # Two, or one more each where a minute has ended meanwhile.


def test_refusals_are_kept_for_ninety_days():
    refusals.note("password", user_name="x", address=None)
    Refusal.objects.update(minute=timezone.now() - timedelta(days=89))
    assert refusals.prune(before=timezone.now() - refusals.KEPT) == 0

    Refusal.objects.update(minute=timezone.now() - timedelta(days=91))

    assert refusals.prune(before=timezone.now() - refusals.KEPT) == 1


def test_a_change_on_the_admin_site_carries_why_and_from_where():
    root = builders.user("root", Role.ADMIN)
    strategy = builders.strategy("trend")
    client = Client(REMOTE_ADDR=HERE)
    client.force_login(root)
    address = f"/admin/accounts/strategy/{strategy.pk}/change/"
    form = {"name": "new", "status": "active"}

    assert client.post(address, form).status_code == 200
    client.post(address, form | {"comment": "renamed for the desk"})

    entry = AuditEntry.objects.get(action="strategy_changed")
    assert (entry.comment, entry.address) == ("renamed for the desk", HERE)
    assert (entry.before["name"], entry.after["name"]) == ("trend", "new")
