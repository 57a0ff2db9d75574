"""The back office looks and does not touch."""

from decimal import Decimal

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts.tests import builders
from positions.engine.drift import Difference, Finding
from positions.engine.types import CaseKind
from positions.models import (
    AccountLane,
    Case,
    Command,
    Deal,
    Dust,
    Event,
    Execution,
    JournalEntry,
    JournalKind,
    Order,
    Position,
    Trigger,
)
from positions.outbox import HeldLane, holding
from positions.projector.booking.dust import add_dust
from positions.projector.cases import open_case
from positions.projector.comparisons import explained, note_comparison
from positions.projector.journal import record

D = Decimal
MODELS = [Order, Position, Deal, Execution, JournalEntry, Event, Command, Dust, Case, Trigger]


@pytest.fixture
def office(client, desk, venue):
    """An admin's browser, and a row of every kind."""
    add_dust(desk.account.pk, "BTC", 1)
    lane = HeldLane(AccountLane.objects.get())
    record(lane, JournalKind.CORRECTION)
    open_case(lane, CaseKind.DUST, "BTC")
    venue.prices[desk.symbol] = D("100.25")
    desk.filled("buy", "1.5", "100.25", stop_loss="90")
    client.force_login(builders.user("boss", "admin"))
    return client


def page(model, name, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


@pytest.mark.parametrize("model", MODELS)
def test_rows_are_listed_searched_and_shown(office, model):
    row = model.objects.first()

    listed = office.get(page(model, "changelist"), {"q": str(row.pk)})
    shown = office.get(page(model, "change", row.pk))

    assert listed.status_code == shown.status_code == 200
    assert listed.context["cl"].result_list[0] == row
    assert b'name="_save"' not in shown.content


@pytest.mark.parametrize("model", [model for model in MODELS if model is not Case])
def test_nothing_can_be_added_changed_or_deleted(office, model):
    row = model.objects.first()

    answers = [
        office.get(page(model, "add")),
        office.post(page(model, "change", row.pk), {}),
        office.post(page(model, "delete", row.pk), {"post": "yes"}),
        office.post(
            page(model, "changelist"), {"action": "delete_selected", "_selected_action": row.pk}
        ),
    ]

    assert [answer.status_code for answer in answers[:3]] == [403, 403, 403]
    assert answers[3].status_code in (200, 403)
    assert model.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", MODELS)
def test_a_list_never_counts_a_table_and_has_no_query_per_row(
    office, desk, model, django_assert_max_num_queries
):
    for _ in range(5):
        desk.filled("buy", "1")
    for currency in "ABCDE":
        add_dust(desk.account.pk, currency, 1)

    with django_assert_max_num_queries(8) as seen:
        office.get(page(model, "changelist"))

    counts = [query["sql"] for query in seen.captured_queries if "COUNT(" in query["sql"]]
    assert all("LIMIT 10000" in sql for sql in counts)
    assert admin.site._registry[model].show_full_result_count is False


def test_decimals_and_times_are_readable(office):
    text = office.get(page(Order, "changelist")).content.decode()
    row = office.get(page(Order, "change", Order.objects.get().pk)).content.decode()

    assert "100.250000" not in text + row
    assert ">1.5<" in text
    assert "100.25" in row
    assert Order.objects.get().created_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") in text


def decision(office, case, **fields):
    return office.post(page(Case, "change", case.pk), fields)


def test_an_open_case_explains_itself_and_offers_its_actions(office, desk):
    with holding(desk.account.pk) as lane:
        case = open_case(lane, CaseKind.UNCLOSABLE, "position 1", proposal="Sell it by hand.")

    shown = office.get(page(Case, "change", case.pk)).content.decode()

    assert "worth less than the exchange lets anybody trade" in shown
    assert "Sell it by hand." in shown
    assert "It is settled; book nothing" in shown


def test_a_decision_needs_a_comment_is_made_once_and_is_shown(office):
    case = Case.objects.get()

    silent = decision(office, case, action="acknowledge")
    unknown = decision(office, case, action="book_fill", comment="so")
    made = decision(office, case, action="acknowledge", comment="swept into the vault")
    again = decision(office, case, action="acknowledge", comment="twice")
    shown = office.get(page(Case, "change", case.pk)).content.decode()

    assert [silent.status_code, unknown.status_code, made.status_code] == [200, 200, 302]
    case.refresh_from_db()
    assert (case.state, case.comment, case.owner.username) == (
        "resolved", "swept into the vault", "boss"
    )  # fmt: skip
    assert (again.status_code, case.comment) == (200, "swept into the vault")
    assert "swept into the vault" in shown
    assert "Carry out" not in shown


def test_a_hidden_fill_is_booked_at_the_price_that_is_given(office, desk):
    found = explained(desk.account.pk, [Difference(Finding.POSITION, desk.symbol, D("1.5"), D(2))])
    note_comparison(desk.account.pk, [Finding.POSITION], found, tick={})
    case = Case.objects.get(finding=Finding.POSITION)

    wrong = decision(office, case, action="book_fill", comment="so", price="-1")
    odd = decision(office, case, action="note", comment="so", price="1")
    made = decision(office, case, action="book_fill", comment="so", price="101.5")

    assert [wrong.status_code, odd.status_code, made.status_code] == [200, 200, 302]
    order = Order.objects.get(reason="external")
    assert (order.side, order.qty, order.avg_fill_price) == ("buy", D("0.5"), D("101.5"))


def test_a_case_is_not_added_or_deleted(office):
    case = Case.objects.get()

    assert office.get(page(Case, "add")).status_code == 403
    assert office.post(page(Case, "delete", case.pk), {"post": "yes"}).status_code == 403
