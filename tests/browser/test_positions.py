"""A trader's positions in the browser: live, protected, closed; and how honest their stream is."""

import json
import re
import signal
from decimal import Decimal

import pytest
from django.conf import settings
from playwright.sync_api import expect

from tests.browser.conftest import HEARTBEAT_S, log_in, logged_in, serious_faults, strict, unbroken
from tests.e2e.product import PATIENCE

pytestmark = pytest.mark.browser
WITHIN_MS = 15_000
PATIENT = {"timeout": WITHIN_MS}


@pytest.fixture(scope="module")
def hedge(product, flat):
    """The hedge account with two longs and a short that nobody touches; flat again afterwards."""
    account = flat(product.account("ccxt.binance", "hedge"))
    for qty, side in (("0.03", "buy"), ("0.01", "buy"), ("0.02", "sell")):
        product.buy(account, qty, side=side)
    yield account
    flat(account)


@pytest.fixture
def own(product, hedge):
    """The id of a long of 0.03 that is the test's own, the newest there."""
    product.buy(hedge, "0.03")
    return ids(product, hedge)[-1]


def show(page, account, query=""):
    """The page of this account's positions, live."""
    page.goto(f"/admin/positions/?accounts={account['id']}{query}")
    expect(page.locator("#stream-pill")).to_have_attribute("data-state", "live", **PATIENT)
    return page


def row(page, position_id):
    return page.locator(f".tabulator-row[data-id='{position_id}']")


def cell(page, position_id, field):
    return row(page, position_id).locator(f"[tabulator-field={field}]")


def ids(product, account, side="buy"):
    found = (each["id"] for each in product.positions(account) if each["side"] == side)
    return sorted(found)


def test_a_trader_comes_from_the_log_in_to_live_positions(page, product, hedge, own):
    log_in(strict(page), product.facts["trader"])
    expect(page).to_have_url(re.compile("/admin/(trade|positions)/"))
    show(page, hedge)

    expect(cell(page, own, "qty")).to_contain_text("0.02997", **PATIENT)
    before = cell(page, own, "mark_price").inner_text()
    product.set_price(hedge, product.mid(hedge) + 100)
    expect(cell(page, own, "mark_price")).not_to_have_text(before, **PATIENT)
    expect(page.locator("#totals")).to_contain_text("USDT")
    assert page.locator(".chip.paper small").first.inner_text() == "paper"
    assert unbroken(page)


def test_half_is_closed_by_keys_and_a_double_click_closes_once(trader_page, product, hedge, own):
    page = show(trader_page, hedge)
    cell(page, own, "symbol").click()

    page.keyboard.press("Shift+C")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Close at market")
    dialog.locator("button[type=submit]").dblclick()
    expect(cell(page, own, "qty")).to_contain_text("0.01499", **PATIENT)
    expect(dialog).to_have_count(0)

    deals = product.every("/oms/deals", account_ids=hedge["id"], position_id=own)
    assert sorted(deal["entry"] for deal in deals) == ["in", "out"]
    assert unbroken(page)


def test_an_answer_that_is_lost_is_asked_for_again_and_sent_once(trader_page, product, hedge, own):
    page = trader_page
    show(page, hedge)
    posts = []

    def lost(route):
        posts.append(json.loads(route.request.post_data))
        if len(posts) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/admin/data/oms/commands?wait_ms=*", lost)
    page.evaluate("WebSocket.prototype.send = function () { this.close(); }")
    cell(page, own, "symbol").click()
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog")
    dialog.locator("input").fill("0.002")
    dialog.locator("button[type=submit]").click()

    expect(page.locator(".toast").first).to_be_visible(**PATIENT)
    product.until(lambda: len(posts) > 1, 15, "asked again")
    assert len({post["request_id"] for post in posts}) == 1
    deals = product.every("/oms/deals", account_ids=hedge["id"], position_id=own)
    assert [deal["qty"] for deal in deals if deal["entry"] == "out"].count("0.002") == 1


def test_a_stop_is_set_where_it_stands_and_refused_beside_its_field(
    trader_page, product, hedge, own
):
    page = show(trader_page, hedge)
    mid = product.mid(hedge)
    cell(page, own, "stop_loss").get_by_role("button").click()
    dialog = page.get_by_role("dialog")

    dialog.locator("#stops-stop_loss").fill(str(int(mid * 2)))
    expect(dialog.locator("#stops-stop_loss-why")).not_to_be_empty(**PATIENT)
    wanted = int(mid * Decimal("0.9"))
    dialog.locator("#stops-stop_loss").fill(str(wanted))
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0, **PATIENT)
    shown = f"{wanted:,}".replace(",", "\u202f")
    expect(cell(page, own, "stop_loss")).to_contain_text(shown, **PATIENT)
    assert unbroken(page)


def test_a_long_is_closed_by_a_short(trader_page, product, hedge):
    product.buy(hedge, "0.01", side="sell")
    short = ids(product, hedge, "sell")[-1]
    page = show(trader_page, hedge)

    row(page, short).get_by_role("button", name="By", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Close by an opposite position")
    other = int(dialog.locator("[name=other]:checked").get_attribute("value"))
    dialog.locator("button[type=submit]").click()
    # Whichever is the smaller is gone.
    expect(row(page, other).or_(row(page, short))).to_have_count(1, **PATIENT)

    left = {*ids(product, hedge), *ids(product, hedge, "sell")}
    assert len({other, short} & left) == 1
    assert unbroken(page)


def test_the_filter_is_in_the_link_and_the_file_has_what_it_shows(trader_page, product, hedge):
    product.buy(hedge, "0.02")
    product.buy(hedge, "0.01", side="sell")
    page = show(trader_page, hedge)
    page.locator("#filter-side").select_option("sell")
    shorts = ids(product, hedge, "sell")
    expect(page.locator(".tabulator-row")).to_have_count(len(shorts), **PATIENT)
    assert "side=sell" in page.url

    page.locator("#export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert sorted(int(line.split(",")[0]) for line in lines[1:]) == shorts
    page.reload()
    expect(page.locator(".tabulator-row")).to_have_count(len(shorts), **PATIENT)
    assert unbroken(page)


SILENT = """async () => {
  const {silentAfterMs, SILENT_MS} = await import("/static/desk/stream.js");
  return {usual: silentAfterMs(5), here: SILENT_MS};
}"""
# As the server says it where it has no price.
PRICES_UNKNOWN = """async () => {
  const {applyMarks, positions} = await import("/static/desk/store.js");
  const none = {mark_price: null, price_at: null, floating_profit: null};
  applyMarks([...positions.rows.keys()].map((id) => ({id, ...none})));
}"""


def test_a_stream_that_freezes_is_shown_within_twelve_seconds_and_resumed(
    trader_page, product, hedge
):
    # Twelve seconds by the heartbeats that the product has unless an operator says otherwise.
    assert settings.OMS_SOCKET_HEARTBEAT_S == 5
    product.buy(hedge, "0.01")
    page = show(trader_page, hedge)
    expect(page.locator("#totals")).not_to_contain_text("—", **PATIENT)
    served = product.processes["oms"].popen

    served.send_signal(signal.SIGSTOP)
    try:
        silent_ms = page.evaluate(SILENT)
        assert silent_ms["usual"] <= 12_000
        assert silent_ms["here"] == silent_ms["usual"] - 2 * 1000 * (5 - HEARTBEAT_S)
        expect(page.locator("#bars .bar")).to_be_visible(timeout=PATIENCE * silent_ms["here"])
        expect(page.locator("#stream-pill")).to_have_attribute(
            "data-state", re.compile("stale|disconnected")
        )
        page.evaluate(PRICES_UNKNOWN)
        expect(page.locator("#totals")).to_contain_text("floating—(without price")
    finally:
        served.send_signal(signal.SIGCONT)
    product.buy(hedge, "0.01")
    expect(page.locator("#stream-pill")).to_have_attribute("data-state", "live", timeout=40_000)

    there = {str(each["id"]): each["qty"] for each in product.positions(hedge)}
    expect(page.locator(".tabulator-row")).to_have_count(len(there), **PATIENT)
    for position_id, qty in there.items():
        expect(cell(page, position_id, "qty")).to_contain_text(qty)


def test_a_log_in_that_ends_is_told_and_taken_up_again_on_the_same_page(page, product, hedge):
    logged_in(page.context, product.facts["trader"])
    show(strict(page), hedge)
    elsewhere = page.context.new_page()
    elsewhere.goto("/admin/symbols/")
    elsewhere.locator("#own-button").click()
    elsewhere.get_by_role("button", name="Log out").click()

    expect(page.locator("#bars")).to_contain_text("The log-in is over", **PATIENT)
    logged_in(page.context, product.facts["trader"])
    page.get_by_role("button", name="I have logged in").click()
    expect(page.locator("#stream-pill")).to_have_attribute("data-state", "live", **PATIENT)
    assert page.evaluate("""async () => {
      const {rest} = await import("/static/desk/facts.js");
      return (await rest("user/settings", {method: "PATCH", body: {zone: "utc"}})).zone;
    }""") == "utc"  # fmt: skip


def test_on_a_phone_a_position_is_a_card_that_can_be_protected_and_closed(page_of, hedge):
    page = page_of("trader")
    page.set_viewport_size({"width": 390, "height": 780})
    show(page, hedge)

    cards = page.locator(".row-card")
    expect(cards.first).to_be_visible(**PATIENT)
    cards.first.get_by_role("button", name="Stops").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(cards.first.get_by_role("button", name="Close")).to_be_visible()
    assert serious_faults(page) == []
    assert unbroken(page)


@pytest.mark.parametrize(("language", "word"), [("pt-BR", "Posições"), ("es-ES", "Posiciones")])
def test_the_page_speaks_the_language_of_its_browser(page_of, product, language, word):
    page = page_of("trader")
    page.set_extra_http_headers({"Accept-Language": language})
    show(page, product.accounts[0])

    expect(page.locator("h1")).to_have_text(word)
    expect(page.locator("html")).to_have_attribute("lang", re.compile("^(pt-br|es)$"))
    assert unbroken(page)


def test_a_trader_on_a_page_of_the_back_office_is_told_so_and_keeps_the_menu(trader_page):
    answer = trader_page.goto("/admin/accounts/user/")

    assert answer.status == 403
    expect(trader_page.locator("h1")).to_have_text("Not allowed")
    expect(trader_page.get_by_role("link", name="Positions", exact=True)).to_be_visible()
