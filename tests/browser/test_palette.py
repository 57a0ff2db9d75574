"""Does a keyboard reach everything? The palette, and keys that a person has chosen."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import serious_faults, unbroken

pytestmark = pytest.mark.browser
PATIENT = {"timeout": 15_000}


@pytest.fixture(scope="module")
def account(product):
    """An account with a position."""
    account = product.account("ccxt.binanceusdm")
    product.buy(account, "0.02")
    return account


def show(page, account, path="positions/"):
    page.goto(f"/admin/{path}?accounts={account['id']}")
    expect(page.locator("#stream-pill")).to_have_attribute("data-state", "live", **PATIENT)
    return page


def find(page, text):
    """The palette with what was written into it."""
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Find a page")
    expect(field).to_be_focused()
    page.keyboard.type(text)
    return page.locator("#palette").get_by_role("option")


def test_the_palette_goes_to_pages_accounts_and_markets_and_acts_on_the_position(
    page_of, product, account
):
    page = show(page_of("colleague"), account)
    (position, *_) = product.positions(account)
    row = page.locator(f".tabulator-row[data-id='{position['id']}']")
    row.locator("[tabulator-field=symbol]").click()

    options = find(page, "close ha")
    expect(options).to_have_count(1)
    expect(options).to_contain_text(f"{position['id']} · Long")
    expect(options).to_have_attribute("aria-selected", "true")
    assert serious_faults(page) == []
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Close at market")).to_be_visible()
    page.keyboard.press("Escape")

    other = product.accounts[0]
    find(page, other["label"][:12])
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"accounts={other['id']}\b"))
    expect(find(page, "nowhere at all")).to_have_count(0)
    expect(page.locator("#palette")).to_contain_text("Nothing of that name.")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_have_count(0)

    find(page, "deals")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/admin/deals/"))
    expect(find(page, "ETH/USDT").first).to_contain_text("ETH/USDT", **PATIENT)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/admin/trade/.*ETH"), **PATIENT)
    assert unbroken(page)


def test_who_may_only_read_is_offered_no_act(page_of, held):
    page = show(page_of("reader"), held)
    page.locator(".tabulator-row [tabulator-field=symbol]").first.click()

    options = find(page, "")
    expect(options.filter(has_text=re.compile("^Positions"))).to_have_count(1)
    acts = re.compile(r"\bClose\b|half|stop|[Cc]ancel|Trade")
    expect(options.filter(has_text=acts)).to_have_count(0)


@pytest.fixture
def held(product):
    product.buy(product.accounts[0], "0.01")
    return product.accounts[0]


def pressed_for(page, name, *keys):
    """The field of an act's keys, with new ones pressed."""
    page.locator(f"[data-keys-of={name}]").click()
    for each in keys:
        page.keyboard.press(each)
    return page.locator(".key-field")


def test_keys_are_changed_in_their_list_and_a_conflict_is_said(page_of, account):
    page = show(page_of("colleague"), account)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard")
    assert serious_faults(page) == []

    pressed_for(page, "close", "e")
    expect(dialog.locator("#keys-error")).to_have_text("e is taken: Change the stops.")
    page.keyboard.press("Enter")
    expect(dialog.locator("#keys-error")).to_have_text("e is taken: Change the stops.")
    page.keyboard.press("g")
    expect(dialog.locator("#keys-error")).to_have_text(re.compile("is taken"))
    page.keyboard.press("Backspace")
    page.keyboard.press("Control+w")
    expect(dialog.locator("#keys-error")).to_have_text("The browser keeps these keys.")
    page.keyboard.press("Escape")
    expect(dialog.locator("[data-keys-of=close]")).to_have_text("c")

    pressed_for(page, "close", "v", "q")
    with page.expect_response(re.compile("user/settings")):
        page.keyboard.press("Enter")
    expect(dialog.locator("[data-keys-of=close]")).to_have_text("v q")
    page.reload()
    page.locator(".tabulator-row [tabulator-field=symbol]").first.click()
    page.keyboard.press("c")
    page.keyboard.press("v")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("q")
    expect(page.get_by_role("dialog", name="Close at market")).to_be_visible()
    page.keyboard.press("Escape")

    page.keyboard.press("?")
    with page.expect_response(re.compile("user/settings")):
        dialog.get_by_role("button", name="All as at first").click()
    expect(dialog.locator("[data-keys-of=close]")).to_have_text("c")
    assert unbroken(page)
