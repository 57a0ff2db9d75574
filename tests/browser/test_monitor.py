"""What a trader reads beside open positions."""

import re
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, serious_faults, unbroken

pytestmark = pytest.mark.browser
PATIENT = {"timeout": 15_000}
MARKUP = "=1+1 <img src=x onerror=alert(1)>"
# One of each kind; the other histories have the cards and filters of the deals.
ON_A_PHONE = {"positions/", "orders/", "deals/"}
PHONE = {"width": 390, "height": 780}
PAGES = ["positions/", "orders/", "deals/", "positions/history/", "orders/history/", "symbols/"]


@pytest.fixture(scope="module")
def account(product):
    return product.account("ccxtpro.binance")


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


def test_days_are_typed_and_the_chosen_rows_or_all_that_match_leave_as_a_file(
    trader_page, product, account
):
    orders = [product.buy(account, "0.01") for _ in range(3)]
    page = show(trader_page, "deals/", account)
    first = page.get_by_label("From", exact=True)
    first.fill("2026-02-30")
    page.keyboard.press("Enter")
    expect(page.locator("#filter-from-error")).to_have_text("There is no such day.")
    assert "from=" not in page.url
    first.fill("2020-01-31")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("from=2020-01-31"))

    deals = product.every("/oms/deals", account_ids=account["id"])
    chosen = [
        each["id"] for each in deals if each["order_id"] in (orders[0]["id"], orders[2]["id"])
    ]
    for each in chosen:
        row(page, each).locator(".select-row").click()
    assert file_of(page, "export-selected") == chosen
    page.locator(".select-all").click()
    assert set(file_of(page, "export-selected")) >= {each["id"] for each in deals}
    page.get_by_role("button", name="Select none").click()
    expect(page.locator("#chosen")).to_be_hidden()
    assert unbroken(page)


def file_of(page, button):
    """The ids in the file that the button gives."""
    page.locator(f"#{button}").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    page.locator(f"#{button}").click()  # Its menu goes.
    lines = download.value.path().read_text().splitlines()
    return [int(line.split(",")[0]) for line in lines[1:]]


def test_all_that_match_are_more_than_the_loaded_rows(trader_page, product, account):
    for _ in range(2):
        product.buy(account, "0.01")
    page = trader_page
    page.route(re.compile(r"/oms/deals\?"), lambda route: route.continue_(
        url=re.sub("limit=[0-9]+", "limit=1", route.request.url)))  # fmt: skip
    show(page, "deals/", account, "&side=buy")
    expect(page.locator("#more")).to_be_visible(**PATIENT)
    page.locator(".select-all").click()
    page.locator("#select-matching").click()

    expect(page.locator("#chosen")).to_contain_text("All that match are selected:", **PATIENT)
    expect(page.locator("#chosen")).to_contain_text("Side: Buy")
    assert len(file_of(page, "export-selected")) > page.locator(".tabulator-row").count()
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


def test_every_page_can_be_read_and_used_by_everybody_on_a_phone_too(trader_page, product, account):
    product.buy(account)
    faults, page = {}, trader_page
    for path in PAGES:
        page.set_viewport_size(DESKTOP)
        show(page, path, account)
        expect(page.locator(".tabulator, .grid-nothing").first).to_be_visible(**PATIENT)
        faults[path] = serious_faults(page)
        page.set_viewport_size(PHONE)
        expect(page.locator(".cards, .grid-nothing:not([hidden])").first).to_be_visible(**PATIENT)
        faults[f"{path} on a phone"] = scrolled(page)
        if path in ON_A_PHONE:
            faults[f"{path} on a phone"] += serious_faults(page)
        assert unbroken(page)
    show(page, "trade/", account)
    for part in ("chart", "book", "ticket", "below"):
        page.locator(f"#views [data-name={part}]").click()
        faults[f"trade, {part}, on a phone"] = serious_faults(page) + scrolled(page)

    assert {place: found for place, found in faults.items() if found} == {}
    assert unbroken(page)


def scrolled(page):
    """What is wrong with a page that has to be pushed sideways."""
    width = page.evaluate("document.documentElement.scrollWidth")
    return [f"{width} wide"] if width > PHONE["width"] else []
