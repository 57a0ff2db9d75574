"""A file has exactly the rows that its list shows, and nothing that a spreadsheet would run."""

import csv
import io
import json
import zipfile
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from accounts.tests import builders
from accounts.words import Role
from positions.api import exports, sheets
from positions.models import Case, Event, Order, Position
from positions.tests.api.conftest import Api
from positions.tests.fakes import LINEAR, SPOT

LISTS = {
    "/oms/orders": [{}, {"side": "sell"}, {"status": "FILLED"}, {"end_date": "2020-01-01"}],
    "/oms/orders/open": [
        {}, {"status": "SUBMITTED"}, {"status": "UNKNOWN"}, {"symbol": SPOT}, {"side": "buy"},
    ],
    "/oms/orders/history": [
        {}, {"side": "sell"}, {"side": "sell", "reason": "trader"}, {"reason": "robot"},
        {"start_date": "2020-01-01"}, {"end_date": "2020-01-01"}, {"status": "FILLED"},
    ],
    "/oms/deals": [{}, {"side": "buy"}, {"position_id": 1}, {"order_id": 1}, {"strategy_id": 0}],
    "/oms/positions/open": [{}, {"side": "sell"}, {"state": "open"}, {"symbol": LINEAR}],
    "/oms/positions/history": [{}, {"state": "closed"}, {"order_id": 1}],
    "/oms/reconcile/cases": [{}, {"state": "open"}, {"state": "resolved"}],
    "/oms/events": [{}, {"since_seq": 3}],
}  # fmt: skip
CASES = [(path, query) for path, queries in LISTS.items() for query in queries]


@pytest.fixture
def traded(desk, venue):
    """Rows in every list, some with texts that look like formulas."""
    venue.prices[LINEAR] = Decimal(105)
    for number in range(4):
        desk.fill(desk.close(desk.bought("1", comment=f"=1+{number}")), "1", "90")
    desk.filled("sell", "2", comment="-5")
    desk.rest(price="80", comment="@SUM(A1)")
    desk.rest(price="70", comment='a "quoted", one')
    desk.external("buy", "1")
    return desk


def every(api, path, **query):
    """All pages of the list, three rows each."""
    found, cursor = [], None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        page = api.get(path, limit=3, **query, **more).json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def exported(api, path, shape, **query):
    answer = api.get(f"{path}/export", format=shape, **query)
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def lines_of_csv(content):
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def lines_of_sheet(content):
    """The cells as the file has them, read without the library that wrote them."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        root = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
        assert not [name for name in book.namelist() if "external" in name]
    assert root.find(f".//{space}f") is None, "a formula"
    lines = []
    for row in root.iter(f"{space}row"):
        cells = {}
        for cell in row:
            letters = cell.get("r").rstrip("0123456789")
            place = 0
            for letter in letters:
                place = place * 26 + ord(letter) - 64
            assert cell.get("t") == "inlineStr"
            cells[place - 1] = "".join(text.text or "" for text in cell.iter(f"{space}t"))
        lines.append(cells)
    return lines


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    monkeypatch.setattr(exports, "AT_ONCE", 2)


@pytest.mark.parametrize(("path", "query"), CASES)
def test_a_file_has_the_rows_of_all_pages_in_every_format(api, traded, path, query):
    query = {"account_ids": traded.account.pk} | query
    rows = every(api, path, **query)

    told = json.loads(exported(api, path, "json", **query))
    heading, *lines = lines_of_csv(exported(api, path, "csv", **query))
    head, *cells = lines_of_sheet(exported(api, path, "xlsx", **query))

    assert told == {"items": rows, "next_cursor": None}
    assert [list(row) for row in rows] == [heading] * len(rows)
    assert lines == [[exports._cell(row[name]) for name in heading] for row in rows]
    assert list(head.values()) == heading
    assert cells == [{n: text for n, text in enumerate(line) if text} for line in lines]


@pytest.mark.parametrize("path", sorted({*LISTS} - {"/oms/events"}))
def test_a_file_of_chosen_rows_has_those_of_them_that_the_list_has(api, traded, path):
    query = {"account_ids": traded.account.pk}
    rows = every(api, path, **query)

    chosen = ",".join(str(row["id"]) for row in rows[::2])
    told = json.loads(exported(api, path, "json", **query, ids=f"999999,{chosen}".strip(",")))

    assert told["items"] == rows[::2]
    assert told["items"] != rows or len(rows) < 2


def test_the_lists_that_are_compared_have_rows(api, traded):
    counts = {path: len(every(api, path, account_ids=traded.account.pk)) for path in LISTS}

    assert Case.objects.exists() == bool(counts.pop("/oms/reconcile/cases"))
    assert min(counts.values()) >= 2, counts


def test_a_file_of_several_accounts(new_desk):
    one, two = new_desk(), new_desk()
    api = Api(builders.key(one.user, one.account, two.account))
    for desk in (one, two, one, two, one):
        desk.bought("1")
    query = {"account_ids": f"{one.account.pk},{two.account.pk}"}

    told = json.loads(exported(api, "/oms/deals", "json", **query))["items"]

    assert [row["id"] for row in told] == [row["id"] for row in every(api, "/oms/deals", **query)]
    assert len(told) == 5


def test_what_begins_like_a_formula_is_text_and_a_number_stays_one(api, desk):
    texts = ["=1+1", "+1", "-1+1", "@x", "\tx", "-5", "-0.5", "plain", "=cmd|' /C calc'!A0"]
    for text in texts:
        order = desk.rest(price="80")
        Order.objects.filter(pk=order.pk).update(comment=text)

    heading, *lines = lines_of_csv(
        exported(api, "/oms/orders/open", "csv", account_ids=desk.account.pk)
    )
    told = [line[heading.index("comment")] for line in reversed(lines)]

    assert told == [text if text in ("-5", "-0.5", "plain") else f"'{text}" for text in texts]


def test_numbers_leave_with_every_digit(api, desk):
    Position.objects.filter(pk=desk.bought("1").pk).update(
        profit="-1234567890123.000000000000000001"
    )
    heading, line = lines_of_csv(
        exported(api, "/oms/positions/open", "csv", account_ids=desk.account.pk)
    )

    assert line[heading.index("profit")] == "-1234567890123.000000000000000001"


IN_THE_BACK_OFFICE = [path for path in LISTS if path != "/oms/reconcile/cases"]


@pytest.mark.parametrize("path", IN_THE_BACK_OFFICE)
def test_an_admin_takes_every_accounts_list_away_from_the_back_office(traded, stranger, path):
    admin = Api(builders.key(builders.user("chief", Role.ADMIN)))
    query = {"account_ids": traded.account.pk}

    shown = every(admin, f"/backoffice{path}", **query)
    file = json.loads(exported(admin, f"/backoffice{path}", "json", **query))
    refused = stranger.get(f"/backoffice{path}/export", **query)

    assert shown
    assert file == {"items": shown, "next_cursor": None}
    assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")


def test_a_restricted_key_exports_its_own_rows(robot, desk):
    api, own, foreign = robot
    desk.rest(price="80", strategy_id=foreign)
    mine = desk.rest(price="80", strategy_id=own)

    (row,) = json.loads(exported(api, "/oms/orders/open", "json", account_ids=desk.account.pk))[
        "items"
    ]

    assert row["id"] == mine.pk


def test_somebody_elses_account_does_not_exist(stranger, desk):
    answer = stranger.get("/oms/deals/export", account_ids=desk.account.pk)

    assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("bad", [{"limit": 5}, {"cursor": 1}, {"odd": 1}, {"format": "pdf"}])
def test_what_is_not_known_is_refused(api, desk, path, bad):
    answer = api.get(f"{path}/export", account_ids=desk.account.pk, **bad)

    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert answer.json()["details"]["field"] == next(iter(bad))


@pytest.mark.parametrize("shape", ["csv", "json", "xlsx"])
def test_a_file_of_too_many_rows_is_refused_before_it_begins(api, traded, settings, shape):
    settings.OMS_EXPORT_ROWS = 3
    answer = api.get("/oms/orders/history/export", account_ids=traded.account.pk, format=shape)

    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
    assert answer.json()["details"]["limit"] == 3


def test_a_text_too_long_for_a_cell_is_refused(api, desk):
    desk.rest(price="80")
    Event.objects.filter(seq=1).update(payload={"text": "x" * sheets.MOST_CHARACTERS})

    answer = api.get("/oms/events/export", account_ids=desk.account.pk, format="xlsx")

    assert (answer.status_code, answer.json()["details"]["field"]) == (413, "payload")
    assert exported(api, "/oms/events", "csv", account_ids=desk.account.pk)


def test_so_many_files_at_once_and_a_place_is_left_with_its_file(api, desk, settings):
    settings.OMS_EXPORTS_AT_ONCE = 1
    first = api.get("/oms/deals/export", account_ids=desk.account.pk)

    refused = api.get("/oms/deals/export", account_ids=desk.account.pk)
    for close in first._resource_closers:  # As a server does whose client went before a byte.
        close()
    again = api.get("/oms/deals/export", account_ids=desk.account.pk)
    b"".join(again.streaming_content)
    wrong = api.get("/oms/deals/export", account_ids=desk.account.pk, format="pdf")

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
    assert (again.status_code, wrong.status_code) == (200, 422)
    assert exported(api, "/oms/deals", "json", account_ids=desk.account.pk)


def test_a_file_names_itself(api, desk):
    answer = api.get("/oms/positions/open/export", account_ids=desk.account.pk, format="xlsx")
    b"".join(answer.streaming_content)

    assert answer.headers["Content-Disposition"] == 'attachment; filename="open-positions.xlsx"'
    assert "spreadsheetml" in answer.headers["Content-Type"]
