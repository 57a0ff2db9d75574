"""A trader's day on the page Trade: a quote, an order, its stop, a close; each is sent once."""

import re
from decimal import Decimal

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.conftest import serious_faults, unbroken

pytestmark = pytest.mark.browser
PATIENT = {"timeout": 20_000}
TICK = Decimal("0.01")


@pytest.fixture
def hedge(product, flat):
    """The hedge account with nothing open."""
    return flat(product.account("ccxt.binance", "hedge"))


def show(page, account, query=""):
    """The page of the account's first market, live, with its candles."""
    page.goto(f"/admin/trade/?account={account['id']}&symbol={account['symbols'][0]}{query}")
    expect(page.locator("#stream-pill")).to_have_attribute("data-state", "live", **PATIENT)
    expect(page.locator("#chart")).to_have_attribute("data-bars", re.compile(r"\d\d"), **PATIENT)
    expect(page.locator("#last-price")).not_to_have_text("—", **PATIENT)
    return page


def fill(page, qty, *, kind="market", side="buy", **fields):
    """The ticket with an order that its dry check has taken."""
    form = page.locator("#order-form")
    form.locator(f"[data-type={kind}]").click()
    form.locator(f"[data-side={side}]").click()
    for name, value in fields.items():
        form.locator(f"[name={name}]").fill(value)
    form.locator("[name=qty]").fill(qty)
    expect(form).to_have_attribute("data-checked", "ok", **PATIENT)
    return form


def rows(page, part=None):
    """The rows below the chart, of the part that is shown or of another."""
    if part:
        page.locator(f"[data-below={part}]").click()
    return page.locator(".below-grid:not([hidden]) .tabulator-row")


def sent(product, account):
    """The ids of all the account's orders."""
    found = product.every("/oms/orders/history", account_ids=account["id"])
    found += product.every("/oms/orders/open", account_ids=account["id"])
    return {order["id"] for order in found}


def position(product, account, side="buy"):
    found = (each for each in product.positions(account) if each["side"] == side)
    return max(found, key=lambda each: each["id"])


def line_at(page):
    """Where on the page a line can be taken hold of; the mouse is there then."""
    chart = page.locator("#chart")
    box = chart.bounding_box()
    x = box["x"] + box["width"] / 3
    for y in range(int(box["y"]) + 4, int(box["y"] + box["height"]) - 30, 4):
        page.mouse.move(x, y)
        if "on-line" in (chart.get_attribute("class") or ""):
            return x, y
    raise AssertionError(f"no line: {chart.get_attribute('data-lines')}")


def test_a_quote_moves_and_an_order_fills_without_reload(trader_page, product, hedge):
    page = show(trader_page, hedge)
    before = page.locator("#last-price").inner_text()
    product.set_price(hedge, product.mid(hedge) + 50)
    expect(page.locator("#last-price")).not_to_have_text(before, **PATIENT)

    form = fill(page, "0.02")
    expect(form.locator(".effect")).to_contain_text("flat → Long 0.02000")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Buy 0.02000 BTC at market")
    expect(dialog).to_contain_text("Paper spot, hedge paper")
    assert serious_faults(page) == []
    dialog.locator("button[type=submit]").click()
    expect(rows(page, "positions")).to_have_count(1, **PATIENT)
    expect(rows(page, "deals").first).to_contain_text("0.02000", **PATIENT)
    assert unbroken(page)


def test_what_the_market_does_not_allow_is_said_beside_its_field(trader_page, hedge):
    page = show(trader_page, hedge)
    form = page.locator("#order-form")

    form.locator("[data-type=limit]").click()
    form.locator("[name=price]").fill("60000.123")
    form.locator("[name=qty]").fill("0.01")

    wrong = form.locator("[data-field=price] .field-error")
    expect(wrong).to_have_text("The price is not a multiple of the market's step. (limit 0.01)",
                               **PATIENT)  # fmt: skip
    form.locator("[data-fill=mid]").click()
    expect(wrong).to_be_hidden(**PATIENT)
    expect(form).to_have_attribute("data-checked", "ok", **PATIENT)
    form.locator(".unit").select_option("quote")
    form.locator("[name=qty]").fill("1,234")
    expect(form.locator("[data-field=qty] .field-error")).to_contain_text("without grouping")
    form.locator(".unit").select_option("base")
    form.locator("[name=qty]").fill("0.01")
    form.locator("[name=time_in_force]").select_option("GTD")
    until = form.locator("[data-field=expires_at]")
    for text, why in (("2035-02-30 10:00", "no such day"), ("2035-02-03", "Give the time too")):
        until.locator(".date").fill(text)
        expect(until.locator(".field-error")).to_contain_text(why)
    expect(until).to_contain_text("UTC")
    until.locator(".date").fill("2035-02-03 10:00")
    expect(form).to_have_attribute("data-checked", "ok", **PATIENT)
    assert unbroken(page)


@pytest.fixture
def limited(product, people, hedge):
    """The hedge account while no order may be larger than 0.5."""

    def limit(most):
        answer = requests.post(
            f"{product.base}/oms/risk/{hedge['id']}/limits",
            json={"max_order_qty": most, "comment": "for a while"},
            headers={"x-api-key": people["officer_key"]},
            timeout=30,
        )
        assert answer.ok, answer.text

    limit("0.5")
    yield hedge
    limit(None)


def test_the_book_is_grouped_by_price_steps_and_a_limit_says_what_is_left(trader_page, limited):
    page = show(trader_page, limited, "&group=1000")
    prices = page.locator("#book .level.buy[data-price*='0']")
    expect(prices.nth(1)).to_be_visible(**PATIENT)
    shown = prices.evaluate_all("all => all.map((each) => each.dataset.price)")
    assert all(Decimal(price) % 10 == 0 for price in shown)
    assert shown == sorted(set(shown), key=Decimal, reverse=True)
    page.locator("#book-step").select_option("1")
    expect(page).not_to_have_url(re.compile("group="))

    effect = fill(page, "0.1").locator(".effect")
    expect(effect).to_contain_text("Quantity of an order0.1 of 0.5", **PATIENT)
    page.locator("#order-form [name=qty]").fill("0.7")
    expect(effect.locator(".loss")).to_have_text("0.7 of 0.5", **PATIENT)
    assert unbroken(page)


def test_a_link_fills_the_ticket_and_sends_nothing(trader_page, product, hedge):
    orders = sent(product, hedge)

    page, form = trader_page, trader_page.locator("#order-form")
    query = "side=sell&type=limit&qty=0.001&price=70000"
    page.goto(f"/admin/trade/?account={hedge['id']}&{query}")  # The page chooses the market.
    expect(form.locator(".linked")).to_be_visible()
    expect(form.locator("#ticket-send")).to_have_text("Sell 0.00100 BTC", **PATIENT)
    expect(page.locator("#symbol")).to_contain_text(hedge["symbols"][0])
    page.locator("#book .level.buy[data-price*='.']").first.click()
    expect(form.locator("[name=price]")).not_to_have_value("70000")
    for tab in ("Close", "Cancel", "ccxt"):
        page.get_by_role("tab", name=tab, exact=True).click()
        assert serious_faults(page) == []
    assert sent(product, hedge) == orders
    assert unbroken(page)


def test_a_stop_is_dragged_to_the_tick_and_half_is_closed_by_key(trader_page, product, hedge):
    product.buy(hedge, "0.02")
    row = position(product, hedge)
    stop = str((product.mid(hedge) * Decimal("0.998")).quantize(TICK))
    product.command("position_change", position_id=row["id"], stop_loss=stop)
    page = show(trader_page, hedge)
    expect(page.locator("#chart")).to_have_attribute(
        "data-lines", re.compile(r"stop_loss"), **PATIENT)  # fmt: skip

    x, y = line_at(page)
    page.mouse.down()
    page.mouse.move(x, y + 9)
    page.mouse.move(x, y + 18)
    page.mouse.up()
    bar = page.locator("#drag-bar")
    expect(bar).to_contain_text(f"SL {row['id']}")
    page.keyboard.press("Enter")
    expect(bar).to_be_hidden(**PATIENT)
    moved = Decimal(position(product, hedge)["stop_loss"])
    assert moved < Decimal(stop)
    assert moved % TICK == 0

    rows(page, "positions").first.locator("[tabulator-field=symbol]").click()
    page.keyboard.press("Shift+C")
    page.get_by_role("dialog").locator("button[type=submit]").click()
    expect(rows(page).first.locator("[tabulator-field=qty]")).to_have_text(
        "0.00999", **PATIENT)  # fmt: skip
    assert Decimal(position(product, hedge)["qty"]) < Decimal(row["qty"]) * Decimal("0.51")
    assert unbroken(page)


def test_positions_are_closed_by_each_other_merged_and_closed_from_the_ticket(
    trader_page, product, hedge
):
    for qty, side in (("0.02", "buy"), ("0.03", "buy"), ("0.01", "sell")):
        product.buy(hedge, qty, side=side)
    page = show(trader_page, hedge)
    expect(rows(page, "positions")).to_have_count(3, **PATIENT)

    page.get_by_role("tab", name="Close by").click()
    page.locator("#close-by-send").click()
    page.get_by_role("dialog").locator("button[type=submit]").click()
    expect(rows(page)).to_have_count(2, **PATIENT)

    page.get_by_role("tab", name="Merge").click()
    expect(page.locator("#merge-send")).to_be_disabled()
    page.locator("#merge-form [name=comment]").fill("one is enough")
    page.locator("#merge-send").click()
    page.get_by_role("dialog").locator("button[type=submit]").click()
    expect(rows(page)).to_have_count(1, **PATIENT)

    page.get_by_role("tab", name="Close", exact=True).click()
    page.locator("#close-send").click()
    page.get_by_role("dialog").locator("button[type=submit]").click()
    expect(rows(page)).to_have_count(0, **PATIENT)
    assert product.positions(hedge) == []
    assert unbroken(page)


def test_orders_are_dragged_changed_and_cancelled(trader_page, product, hedge):
    first, second = (product.rest(hedge, share=share)["id"] for share in ("0.998", "0.9"))
    page = show(trader_page, hedge)
    expect(rows(page, "orders")).to_have_count(2, **PATIENT)

    page.get_by_role("tab", name="Change").click()
    change = page.locator("#change-form")
    change.locator("[name=order_id]").select_option(str(second))
    change.locator("[name=new_qty]").fill("0.02")
    page.locator("#change-send").click()
    page.get_by_role("dialog").locator("button[type=submit]").click()
    own = page.locator(f".tabulator-row[data-id='{second}']")
    expect(own.locator("[tabulator-field=qty]")).to_have_text("0.02000", **PATIENT)

    x, y = line_at(page)
    page.mouse.down()
    page.mouse.move(x, y + 25)
    page.mouse.up()
    expect(page.locator("#drag-bar")).to_contain_text(f"Order {first}")
    page.keyboard.press("Escape")
    expect(page.locator("#drag-bar")).to_be_hidden()

    own.locator(".select-row").click()
    page.locator("#cancel-chosen").click()
    page.get_by_role("dialog").locator("button[type=submit]").click()
    expect(own).to_have_count(0, **PATIENT)
    rows(page).first.locator("[tabulator-field=symbol]").click()
    page.keyboard.press("Delete")
    page.get_by_role("dialog").locator("button[type=submit]").click()
    expect(rows(page)).to_have_count(0, **PATIENT)
    assert product.order(first)["status"] == "CANCELED"
    assert unbroken(page)


class Wire:
    """The page's socket and its way over HTTP, as far as they are cut."""

    def __init__(self, page):
        self.loses_answer = self.loses_second_answer = self.is_silent = False
        page.route_web_socket(re.compile("/ws$"), self._connected)
        page.route(re.compile(r"/oms/commands\?wait_ms"), self._asked)

    def _connected(self, client):
        server = client.connect_to_server()

        def heard(text):
            if self.loses_answer and '"command_id"' in text and '"command_result"' in text:
                self.loses_answer = False
                client.close()
            elif not self.is_silent:
                client.send(text)

        server.on_message(heard)

    def _asked(self, route):
        answer = route.fetch()
        if self.loses_second_answer:
            self.loses_second_answer = False
            route.abort()
        else:
            route.fulfill(response=answer)


@pytest.fixture
def counted(trader_page, product, hedge):
    """How many orders come of an act in one-click mode."""
    show(trader_page, hedge)
    trader_page.locator("#one-click").check()

    def made_by(act, qty, told=None, **fields):
        fill(trader_page, qty, **fields)
        before = sent(product, hedge)
        act()
        toast = trader_page.locator(".toast.good").last
        expect(toast).to_contain_text(told or f"Buy {qty}", **PATIENT)
        trader_page.wait_for_timeout(500)
        return len(sent(product, hedge) - before)

    return made_by


def hold_enter(page):
    page.locator("#order-form [name=qty]").focus()
    for _ in range(8):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")


def test_double_click_and_held_enter_are_one_order_each(counted, trader_page, product, hedge):
    page, far = trader_page, str(int(product.mid(hedge) * Decimal("0.9")))
    limit = {"kind": "limit", "price": far}

    assert counted(page.locator("#ticket-send").dblclick, "0.00101", **limit) == 1
    assert counted(lambda: hold_enter(page), "0.00102", **limit) == 1
    page.locator(".unit").select_option("quote")
    assert counted(page.locator("#ticket-send").dblclick, "60", "at market") == 1

    page.locator(".unit").select_option("base")
    page.locator("#one-click").uncheck()
    orders = sent(product, hedge)
    fill(page, "0.00104", **limit)
    hold_enter(page)
    expect(page.get_by_role("dialog")).to_contain_text("Buy 0.00104", **PATIENT)
    assert sent(product, hedge) == orders
    assert unbroken(page)


@pytest.fixture
def wire(trader_page):
    return Wire(trader_page)


def test_a_lost_answer_is_one_order_and_an_old_price_is_asked_about(
    wire, counted, trader_page, product, hedge
):
    page, far = trader_page, str(int(product.mid(hedge) * Decimal("0.9")))
    wire.loses_answer = wire.loses_second_answer = True
    click = page.locator("#ticket-send").click
    assert counted(click, "0.00103", kind="limit", price=far) == 1
    assert (wire.loses_answer, wire.loses_second_answer) == (False, False)

    wire.is_silent = True  # The socket stays open; no price is believed any more.
    expect(page.locator("#last-price")).to_have_class(re.compile(r"\bold\b"), **PATIENT)
    expect(page.locator("#stream-pill")).to_have_attribute("data-state", "stale", **PATIENT)
    page.locator("[data-type=market]").click()
    page.locator("#order-form [name=qty]").fill("0.00105")
    click()
    asked = page.get_by_role("dialog")
    expect(asked).to_contain_text(re.compile(r"The price is \d+ s old"), **PATIENT)
