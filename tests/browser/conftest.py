"""A real Chromium and a running product."""

import shutil

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.product import Product

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def product(tmp_path_factory):
    """A running product, embedded, with one filled order."""
    running = Product(tmp_path_factory.mktemp("browser"))
    try:
        running.start()
        running.buy(running.account("ccxt.binance"))
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def chromium():
    """Debian's Chromium."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium, product):
    """A fresh page that collects what went wrong in it."""
    context = chromium.new_context(base_url=product.base, viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    opened.failures = []
    opened.on("pageerror", lambda error: opened.failures.append(str(error)))
    opened.on("requestfailed", lambda request: opened.failures.append(request.url))
    yield opened
    context.close()


@pytest.fixture
def admin_page(page, product):
    """The page, logged in as the first admin."""
    page.goto("/admin/")
    page.fill("#id_username", product.facts["admin"]["username"])
    page.fill("#id_password", product.facts["admin"]["password"])
    page.click("input[type=submit]")
    return page
