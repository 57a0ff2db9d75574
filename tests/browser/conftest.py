"""A real Chromium and a running product."""

import shutil
from importlib.resources import files
from urllib.parse import urlsplit

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


REPORTS = """
window.reports = [];
document.addEventListener("securitypolicyviolation", (report) => window.reports.push(
  `${report.effectiveDirective} ${report.blockedURI} ${report.sourceFile}:${report.lineNumber}`
));
"""


@pytest.fixture
def page(chromium, product):
    """A fresh page that collects what went wrong in it."""
    yield from fresh_page(chromium, product)


def fresh_page(chromium, product, **options):
    """Gives the page, and closes its context."""
    options = {"viewport": {"width": 1280, "height": 900}} | options
    context = chromium.new_context(base_url=product.base, **options)
    opened = context.new_page()
    opened.failures = []
    opened.on("pageerror", lambda error: opened.failures.append(str(error)))

    def failed(request) -> None:
        if request.failure != "net::ERR_ABORTED":  # The test went on to another page.
            opened.failures.append(f"{request.url} {request.failure}")

    opened.on("requestfailed", failed)
    yield opened
    context.close()


@pytest.fixture
def admin_page(page, product):
    """The page, logged in as the first admin."""
    return log_in(page, product.facts["admin"])


@pytest.fixture(scope="session")
def trader_session(chromium, product):
    """The first trader's log-in, for contexts that need not log in themselves."""
    context = chromium.new_context(base_url=product.base)
    log_in(context.new_page(), product.facts["trader"])
    yield context.storage_state()
    context.close()


@pytest.fixture
def trader_page(chromium, product, trader_session):
    """A page of the first trader that also collects what a screen must not do."""
    for page in fresh_page(chromium, product, storage_state=trader_session):
        yield strict(page)


@pytest.fixture
def other_page(chromium, product, trader_session):
    """Another browser of the same."""
    for page in fresh_page(chromium, product, storage_state=trader_session):
        yield strict(page)


def strict(page):
    """The page with ``broken``: what its policy forbade, its console's errors, foreign hosts."""
    page.broken = []
    page.add_init_script(REPORTS)
    page.on("console", lambda line: line.type == "error" and page.broken.append(line.text))
    own = []

    def asked(request) -> None:
        host = urlsplit(request.url).netloc
        if not request.url.startswith("data:"):
            own[:] = own or [host]
            if host != own[0]:
                page.broken.append(request.url)

    page.on("request", asked)
    return page


def log_in(page, person):
    """The page of a person's start."""
    page.goto("/admin/login/")
    page.fill("#id_username", person["username"])
    page.fill("#id_password", person["password"])
    page.click("input[type=submit]")
    page.wait_for_url(lambda url: "/login/" not in url)
    return page


def unbroken(page) -> bool:
    """Whether nothing went wrong on the page so far; what did, is shown."""
    assert page.broken + page.evaluate("window.reports") + page.failures == []
    return True


def serious_faults(page) -> list[str]:
    """What axe-core finds hard to use on the page as it is now."""
    source = files("axe_playwright_python").joinpath("axe.min.js").read_text()
    page.evaluate(source)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [f"{each['id']}: {node['target']} {node.get('failureSummary', '')[:200]}"
            for each in found["violations"] if each["impact"] in ("serious", "critical")
            for node in each["nodes"]]  # fmt: skip
