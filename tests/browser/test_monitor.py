"""What a trader reads beside open positions, and what others of other roles see of it."""

import json
import re
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import fresh_page, log_in, serious_faults, strict, unbroken

pytestmark = pytest.mark.browser
PATIENT = {"timeout": 15_000}
MARKUP = "=1+1 <img src=x onerror=alert(1)>"
PAGES = ["positions/", "orders/", "deals/", "positions/history/", "orders/history/", "symbols/"]

# A reader, and a robot that may trade one strategy of the first account.
OTHERS = """
import json
from accounts.audit import OPERATOR
from accounts.models import Account
from accounts.rights.permissions import AccountRights, StrategyRights
from accounts.services import create_api_key, create_strategy, create_user, template_grants
from accounts.words import Right, Role
account = Account.objects.order_by("id").first().pk
name = "Robot's <img src=x onerror=alert(1)>"
own = create_strategy(name=name, account_ids=[account], by=OPERATOR)
for name, role in (("reader", Role.READONLY), ("robot", Role.ROBOT)):
    user = create_user(user_name=name, role=role, by=OPERATOR, password="a long one, for tests")
    grants = template_grants(role, [account])
    if role is Role.ROBOT:
        granted = grants[account].granted
        grants = {account: AccountRights(granted, {own.pk: StrategyRights()})}
    create_api_key(user=user, grants=grants, by=OPERATOR)
print(json.dumps({"strategy_id": own.pk}))
"""


@pytest.fixture(scope="module")
def account(product):
    return product.account("ccxtpro.binance")


@pytest.fixture(scope="module")
def others(product):
    """Logs in as somebody else; and the strategy of the robot."""
    told = json.loads(product.manage("shell", "--verbosity", "0", "-c", OTHERS).splitlines()[-1])
    return told["strategy_id"]


def show(page, path, account, query=""):
    page.goto(f"/admin/{path}?accounts={account['id']}{query}")
    expect(page.locator("#stream-pill")).to_have_attribute("data-state", "live", **PATIENT)
    return page


def row(page, row_id):
    return page.locator(f".tabulator-row[data-id='{row_id}']")


def cell(page, row_id, field):
    return row(page, row_id).locator(f"[tabulator-field={field}]")


def test_an_order_comes_is_changed_and_cancelled_without_reload(trader_page, product, account):
    page = show(trader_page, "orders/", account)
    first, second = product.rest(account), product.rest(account, share="0.8")
    expect(cell(page, first["id"], "status")).to_have_text("at the exchange", **PATIENT)

    row(page, first["id"]).get_by_role("button", name="Change").click()
    price = str(int(Decimal(first["price"])) - 100)
    page.locator("#new_price").fill(price)
    page.keyboard.press("Enter")
    shown = f"{int(price):,}.00".replace(",", "\u202f")
    expect(cell(page, first["id"], "price")).to_have_text(shown, **PATIENT)

    for each in (first, second):
        row(page, each["id"]).locator(".select-row").click()
    page.locator("#cancel-selected").click()
    page.get_by_role("button", name="Cancel all of them").click()
    for each in (first, second):
        expect(row(page, each["id"])).to_have_count(0, **PATIENT)
    assert {product.order(each["id"])["status"] for each in (first, second)} == {"CANCELED"}
    assert unbroken(page)


def test_a_new_deal_comes_by_itself_and_is_told_down_to_the_exchanges_words(
    trader_page, product, account
):
    page = show(trader_page, "deals/", account)
    order = product.buy(account, comment=MARKUP)
    (deal,) = product.every("/oms/deals", account_ids=account["id"], order_id=order["id"])

    expect(row(page, deal["id"])).to_be_visible(**PATIENT)
    row(page, deal["id"]).dblclick()
    drawer = page.locator(".drawer")
    expect(drawer).to_contain_text(MARKUP, **PATIENT)
    expect(drawer).to_contain_text("trader, through key 1: send order")
    expect(drawer).to_contain_text("order accepted")
    drawer.locator("summary").first.click()
    expect(drawer.locator("pre").first).to_contain_text(order["exchange_order_id"])
    assert serious_faults(page) == []
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    assert page.locator("img").count() == 0

    page.locator("#export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert f"'{MARKUP}" in download.value.path().read_text()
    assert unbroken(page)


def test_a_history_is_cut_by_its_link_and_counts_what_is_newer(trader_page, product, account):
    product.buy(account, "0.01")
    deals = product.every("/oms/deals", account_ids=account["id"])
    page = show(trader_page, "deals/", account, f"&cursor={deals[0]['id']}")
    expect(row(page, deals[0]["id"])).to_have_count(0)

    order = product.buy(account, "0.02")
    page.locator("#newer").click(**PATIENT)
    expect(row(page, deals[0]["id"])).to_be_visible(**PATIENT)
    page.locator("#filter-order").fill(str(order["id"]))
    page.keyboard.press("Enter")
    expect(page.locator(".tabulator-row")).to_have_count(1, **PATIENT)
    assert f"order={order['id']}" in page.url
    page.locator("#filter-order").fill("999999")
    page.keyboard.press("Enter")
    expect(page.locator(".grid-nothing")).to_contain_text("Nothing matches", **PATIENT)
    assert unbroken(page)


def test_columns_and_views_are_kept_for_the_person(trader_page, other_page, product, account):
    page = show(trader_page, "deals/", account, "&side=buy")
    page.locator("#head-acts").get_by_role("button", name="Columns").click()
    with page.expect_response(re.compile("user/settings")):
        page.get_by_label("Entry").click()
    page.keyboard.press("Escape")
    page.locator("#views").click()
    page.get_by_role("button", name="Keep this view").click()
    page.locator("#view-name").fill("Buys")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Kept as Buys")

    show(other_page, "deals/", account)
    expect(other_page.locator(".tabulator-col[tabulator-field=qty]")).to_be_visible()
    expect(other_page.locator(".tabulator-col[tabulator-field=entry]")).to_have_count(0)
    other_page.locator("#views").click()
    other_page.get_by_role("link", name="Buys").click()
    expect(other_page.locator("#filter-side")).to_have_value("buy")
    assert "cols=id,executed_at" in other_page.url
    assert unbroken(page)
    assert unbroken(other_page)


def test_every_page_can_be_read_and_used_by_everybody(trader_page, product, account):
    faults = {}
    for path in PAGES:
        show(trader_page, path, account)
        expect(trader_page.locator(".tabulator, .grid-nothing").first).to_be_visible(**PATIENT)
        if found := serious_faults(trader_page):
            faults[path] = found
        assert unbroken(trader_page)

    assert faults == {}


def test_who_may_only_read_finds_nothing_to_press(chromium, product, others):
    pages = fresh_page(chromium, product)
    person = {"username": "reader", "password": "a long one, for tests"}
    page = log_in(strict(next(pages)), person)
    show(page, "positions/", product.accounts[0])

    expect(page.locator(".tabulator-row").first).to_be_visible(**PATIENT)
    expect(page.locator(".row-act, .select-row")).to_have_count(0)
    expect(page.locator(".side")).not_to_contain_text(re.compile("Trade|Back office"))
    assert page.goto("/admin/data/oms/symbols?account_ids=2").status == 404
    pages.close()


def test_a_robots_person_sees_its_strategy_and_nothing_of_others(chromium, product, others):
    own = product.buy(product.accounts[2], strategy_id=1)
    assert own["strategy_id"] == 1
    pages = fresh_page(chromium, product)
    person = {"username": "robot", "password": "a long one, for tests"}
    page = log_in(strict(next(pages)), person)
    show(page, "positions/", product.accounts[0])

    expect(page.locator(".grid-nothing")).to_contain_text("No open positions", **PATIENT)
    named = page.locator("#filter-strategy").inner_text().split("\n")[-1]
    assert named == "Robot's <img src=x onerror=alert(1)>"
    page.goto(f"/admin/deals/?accounts={product.accounts[0]['id']}")
    expect(page.locator(".grid-nothing")).to_contain_text("Nothing yet", **PATIENT)
    assert page.locator("img").count() == 0
    assert unbroken(page)
    pages.close()
