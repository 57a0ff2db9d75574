"""What others do shows at once, and everybody sees what they may: no more, menu included."""

import re
import time
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import unbroken

pytestmark = pytest.mark.browser
PATIENT = {"timeout": 15_000}
MONITOR = ["Positions", "Open orders", "Deals", "Closed positions", "Order history", "Symbols"]
# Where each begins, what their menu leads to, and what they find to press at a position.
ROLES = {
    "admin": ("/admin/", ["Trade", *MONITOR, "Back office"], set()),
    "trader": ("/admin/trade/", ["Trade", *MONITOR], {"close", "half", "stops"}),
    "manager": ("/admin/trade/", ["Trade", *MONITOR], {"close", "half", "stops"}),
    "officer": ("/admin/positions/", MONITOR, {"close", "half"}),
    "robot": ("/admin/positions/", MONITOR, {"close", "half", "stops"}),
    "reader": ("/admin/positions/", MONITOR, set()),
}


def show(page, path, account):
    page.goto(f"/admin/{path}?accounts={account['id']}")
    expect(page.locator("#stream-pill")).to_have_attribute("data-state", "live", **PATIENT)
    return page


def cell(page, position_id, field):
    return page.locator(f".tabulator-row[data-id='{position_id}'] [tabulator-field={field}]")


# Notes when a text in the page first becomes what it is waited for; both browsers have one clock.
WATCH = """([selector, wanted]) => {
  const found = () => {
    const text = document.querySelector(selector)?.textContent ?? null;
    return wanted === null ? text === null : text !== null && text.includes(wanted);
  };
  window.seenAt = null;
  const look = () => {
    if (window.seenAt === null && found()) window.seenAt = Date.now();
  };
  new MutationObserver(look).observe(document.body,
    {subtree: true, childList: true, characterData: true});
  look();
}"""
# Notes when the answer to a command reaches the one who gave it.
ANSWERS = """
window.answeredAt = null;
const Plain = WebSocket;
window.WebSocket = class extends Plain {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({data}) => {
      if (data.includes('"command_result"')) window.answeredAt = Date.now();
    });
  }
};
"""


class Two:
    """Two browsers: what the one does, and how long after its answer the other shows it."""

    def __init__(self, acting, watching):
        self.acting, self.watching, self.delays = acting, watching, {}

    def see(self, what, act, selector, wanted):
        self.watching.evaluate(WATCH, [selector, wanted])
        self.acting.evaluate("window.answeredAt = null")
        acted = time.time() * 1000
        act()
        place = self.watching.locator(selector)
        if wanted is None:
            expect(place).to_have_count(0, **PATIENT)
        else:
            expect(place.first).to_contain_text(wanted, **PATIENT)
        expect(self.acting.get_by_role("dialog")).to_have_count(0, **PATIENT)
        answered = self.acting.evaluate("window.answeredAt")  # None: it went over HTTP.
        seen = self.watching.evaluate("window.seenAt")
        self.delays[what] = {
            "act": round(seen - acted),
            "answer": answered and seen - answered,
        }


def test_what_a_trader_does_a_colleague_sees_without_reload(
    page_of, product, flat, record_property
):
    account = flat(product.account("ccxt.binanceusdm"))
    acting, watching = page_of("trader"), page_of("colleague")
    acting.add_init_script(ANSWERS)
    two = Two(acting, watching)
    acting.goto(f"/admin/trade/?account={account['id']}&symbol={account['symbols'][0]}")
    show(watching, "positions/", account)
    form = acting.locator("#order-form")
    form.locator("[data-type=market]").click()
    form.locator("[name=qty]").fill("0.02")
    expect(form).to_have_attribute("data-checked", "ok", **PATIENT)
    acting.locator("#ticket-send").click()
    send = acting.get_by_role("dialog").locator("button[type=submit]")
    two.see("opened", send.click, ".tabulator-row [tabulator-field=qty]", "0.020")
    (position,) = product.positions(account)
    row = f".tabulator-row[data-id='{position['id']}']"

    stop = int(product.mid(account) * Decimal("0.9"))
    expect(acting.locator(row)).to_be_visible(**PATIENT)
    cell(acting, position["id"], "stop_loss").get_by_role("button").click()
    acting.locator("#stops-stop_loss").fill(str(stop))
    shown = f"{stop:,}".replace(",", "\u202f")
    set_stop = acting.get_by_role("dialog").locator("button[type=submit]")
    two.see("stop set", set_stop.click, f"{row} [tabulator-field=stop_loss]", shown)
    acting.locator(row).get_by_role("button", name="Close", exact=True).click()
    close = acting.get_by_role("button", name=re.compile("^Close 0.020"))
    two.see("closed", close.click, row, None)

    expect(watching.locator(".grid-nothing")).to_contain_text("No open positions on", **PATIENT)
    record_property("shown_after_ms", two.delays)
    print("shown to a colleague, ms after act and answer:", two.delays)
    assert unbroken(acting)
    assert unbroken(watching)


@pytest.fixture(scope="module")
def held(product, people):
    """The first account with a position of its own strategy, and one of the robot's."""
    account = product.accounts[0]
    product.buy(account, "0.02", strategy_id=1)
    product.buy(account, "0.1", symbol=account["symbols"][1], strategy_id=people["strategy_id"])
    return account


@pytest.mark.parametrize("name", ROLES)
def test_everybody_finds_what_their_role_may(name, page_of, held):
    page = page_of(name)
    start, menu, acts = ROLES[name]
    begins = page.request.get("/admin/start/", max_redirects=0).headers["location"]
    assert begins == start

    show(page, "positions/", held)
    rows = ".grid-nothing" if name == "admin" else ".tabulator-row"  # No key of an admin's reads.
    expect(page.locator(rows).first).to_be_visible(**PATIENT)
    assert page.locator(".side nav a span").all_inner_texts() == menu
    found = {each.get_attribute("data-act") for each in page.locator(".row-act").all()}
    found |= {"stops"} if page.locator(".cell-link").count() else set()
    assert found - {"close-by"} == acts
    assert bool(page.locator(".select-row").count()) == bool(acts)
    asked = page.request.get("/admin/trade/", headers={"Accept": "text/html"})
    assert asked.status == (200 if "Trade" in menu else 403)
    assert page.request.get("/admin/data/oms/symbols?account_ids=999").status == 404


def test_an_admin_finds_no_ticket_on_the_page_trade(page_of):
    page = page_of("admin")
    page.goto("/admin/trade/")

    expect(page.locator("#trade")).to_contain_text("reads no account", **PATIENT)
    expect(page.locator("#ticket")).to_be_hidden()
    assert unbroken(page)


def test_a_narrow_key_shows_its_own_strategy_and_nothing_of_others(page_of, product, held, people):
    page = page_of("robot")
    strategies = {each["strategy_id"]: each["id"] for each in product.positions(held)}
    assert {1, people["strategy_id"]} <= strategies.keys()
    choose(page, held, "wide")
    expect(page.locator(".tabulator-row")).to_have_count(2, **PATIENT)

    choose(page, held, "narrow")
    expect(page.locator(".tabulator-row")).to_have_count(1, **PATIENT)
    own = strategies[people["strategy_id"]]
    expect(cell(page, own, "strategy_id")).to_have_text("Robot's <img src=x onerror=alert(1)>")
    named = page.locator("#filter-strategy").inner_text().split("\n")
    assert named[-1] == "Robot's <img src=x onerror=alert(1)>"
    assert len(named) == 3  # all, none, its own
    for path in ("deals/", "positions/history/", "orders/history/"):
        show(page, path, held)
        expect(page.locator(".tabulator, .grid-nothing").first).to_be_visible(**PATIENT)
        told = page.locator(".tabulator-row [tabulator-field=strategy_id]").all_inner_texts()
        assert {*told} <= {"Robot's <img src=x onerror=alert(1)>"}, path
    assert page.locator("img").count() == 0
    assert unbroken(page)


def choose(page, account, label):
    """The positions, through the robot's key of that label."""
    show(page, "positions/", account)
    page.locator("#own-button").click()
    keys = page.locator("#own-key")
    value = keys.locator("option", has_text=label).get_attribute("value")
    if keys.input_value() != value:
        with page.expect_navigation():
            keys.select_option(value)
        show(page, "positions/", account)
