"""The risk desk in the admin site: pages, forms, comments, and who gets in."""

from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import Account, AuditEntry
from accounts.tests import builders
from riskdesk.models import AccountRisk, Control, KillSwitch
from riskdesk.tests.acting import limit
from riskdesk.words import KillScope, Scope

WHY = {"comment": "too much of it"}


@pytest.fixture
def office(client, desk):
    """An admin's browser."""
    client.force_login(builders.user("boss", "admin"))
    return client


def page(model, name, *args):
    return reverse(f"admin:riskdesk_{model._meta.model_name}_{name}", args=args)


def values(form):
    """What a browser would send back unchanged; an empty box sends nothing."""
    found = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    return {name: value for name, value in found.items() if value not in (None, False)}


def test_every_page_opens_and_is_listed(office, desk, by):
    limit(desk, by, max_order_qty=Decimal("1.50"))
    office.post(page(KillSwitch, "add"), {"scope": "all", **WHY})

    for model in (Control, AccountRisk, KillSwitch):
        row = model.objects.first()
        listed = office.get(page(model, "changelist"))
        shown = office.get(page(model, "change", row.pk))

        assert listed.status_code == shown.status_code == 200, model
        assert "comment" in shown.context["form"].fields
    assert b"max_order_qty: 1.5<" in office.get(page(Control, "changelist")).content


def test_a_control_is_made_with_a_comment(office, desk):
    body = {
        "account": desk.account.pk,
        "scope": "symbol",
        "target": desk.symbol,
        "state": "halted",
        "allow_new_positions": "on",
    }

    without = office.post(page(Control, "add"), body)
    made = office.post(page(Control, "add"), body | WHY)

    assert "comment" in without.context["form"].errors
    assert made.status_code == 302
    control = Control.objects.get()
    assert (control.scope, control.target, control.state) == ("symbol", desk.symbol, "halted")
    entry = AuditEntry.objects.get(action="halt_changed")
    assert (entry.user_name, entry.comment) == ("boss", WHY["comment"])


def test_only_what_was_changed_is_carried_out(office, desk, by):
    limit(desk, by, max_order_qty=Decimal("1.5"), symbols=[desk.symbol])
    control = Control.objects.get()
    address = page(Control, "change", control.pk)
    form = office.get(address).context["form"]

    office.post(address, values(form) | {"max_open_orders": "3"} | WHY)

    control.refresh_from_db()
    assert (control.max_order_qty, control.max_open_orders) == (Decimal("1.5"), 3)
    assert control.symbols == [desk.symbol]
    entry = AuditEntry.objects.filter(user_name="boss").get()
    assert (entry.action, entry.before["max_open_orders"], entry.after["max_open_orders"]) == (
        "limits_changed",
        None,
        3,
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scope": "strategy", "target": ""}, "target"),
        ({"scope": "strategy", "target": "x"}, "target"),
        ({"scope": "account", "target": "7"}, "target"),
        ({"max_order_qty": "-1"}, "max_order_qty"),
        ({"max_order_qty": "1e400"}, "max_order_qty"),
        ({"max_orders": "3"}, "orders_interval_s"),
        ({"scope": "key", "target": "7", "max_net_qty": "1"}, "max_net_qty"),
        ({"scope": "symbol", "target": "X/Y", "allow_new_positions": ""}, "allow_new_positions"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(office, desk, changes, field):
    body = {"account": desk.account.pk, "scope": "account", "state": "active"}
    body |= {"allow_new_positions": "on"} | WHY | changes

    answer = office.post(page(Control, "add"), {k: v for k, v in body.items() if v != ""})

    assert field in answer.context["form"].errors
    assert not Control.objects.exists()


def test_openings_of_a_strategy_are_blocked_by_a_tick(office, desk):
    strategy = desk.strategy()
    body = {"account": desk.account.pk, "scope": "strategy", "target": strategy.pk}

    office.post(page(Control, "add"), body | {"state": "active"} | WHY)

    control = Control.objects.get()
    assert (control.scope, control.allow_new_positions) == (Scope.STRATEGY, False)


def test_an_account_is_blocked_and_unblocked(office, desk):
    address = page(AccountRisk, "change", desk.account.pk)

    office.post(address, {"status": "blocked", **WHY})
    blocked = Account.objects.get().status
    office.post(address, {"status": "active", **WHY})

    assert (blocked, Account.objects.get().status) == ("blocked", "active")
    assert AuditEntry.objects.filter(action="account_status_changed").count() == 2


def test_a_kill_switch_is_pulled_and_released(office, desk):
    waiting = desk.send()

    office.post(page(KillSwitch, "add"), {"scope": "account", "target_id": desk.account.pk, **WHY})
    switch = KillSwitch.objects.get()
    pulled = switch.holds
    office.post(page(KillSwitch, "change", switch.pk), WHY)
    switch.refresh_from_db()
    after = office.get(page(KillSwitch, "change", switch.pk))

    assert desk.fresh(waiting).status == "REJECTED"
    assert (pulled, switch.holds, switch.released_by) == (
        f"account:{desk.account.pk}",
        None,
        "boss",
    )
    assert after.context["form"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"scope": "all", "target_id": 1},
        {"scope": "user"},
        {"scope": "user", "target_id": 987654},
        {"scope": "account", "target_id": 987654},
    ],
)
def test_a_switch_is_named_whole(office, body):
    answer = office.post(page(KillSwitch, "add"), body | WHY)

    assert "target_id" in answer.context["form"].errors
    assert not KillSwitch.objects.exists()


def test_a_refusal_of_the_service_is_shown(office, settings):
    settings.OMS_KILL_RELEASE_BY_ANOTHER = True
    office.post(page(KillSwitch, "add"), {"scope": KillScope.ALL, **WHY})
    switch = KillSwitch.objects.get()

    answer = office.post(page(KillSwitch, "change", switch.pk), WHY)

    assert "Another person" in str(answer.context["form"].errors)


def test_nothing_is_deleted_and_nobody_else_gets_in(office, client, desk, by):
    limit(desk, by, max_order_qty=Decimal(1))
    deleted = office.post(page(Control, "delete", Control.objects.get().pk), {"post": "yes"})
    missing = office.get(page(Control, "change", 987654)).status_code
    client.force_login(builders.user("trader", "trader"))

    outside = [client.get(page(model, "add")).status_code for model in (Control, KillSwitch)]

    assert (deleted.status_code, missing, outside) == (403, 404, [403, 403])
    assert Control.objects.exists()
