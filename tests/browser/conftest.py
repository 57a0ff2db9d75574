"""A real Chromium, a running product, and people of every role who are logged in to it."""

import json
import re
import shutil
from contextlib import ExitStack
from decimal import Decimal
from http import HTTPStatus
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
    settings = {"OMS_SOCKET_HEARTBEAT_S": str(HEARTBEAT_S)}
    running = Product(tmp_path_factory.mktemp("browser"), settings=settings)
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


DESKTOP = {"width": 1280, "height": 900}
# What is said of a silent stream waits for heartbeats; so often, it waits shorter.
HEARTBEAT_S = 2
REPORTS = """
window.reports = [];
document.addEventListener("securitypolicyviolation", (report) => window.reports.push(
  `${report.effectiveDirective} ${report.blockedURI} ${report.sourceFile}:${report.lineNumber}`
));
"""


@pytest.fixture
def page(chromium, product):
    """A page of a browser that nobody has used before; it collects what went wrong in it."""
    context = chromium.new_context(base_url=product.base, viewport=DESKTOP)
    yield watched(context.new_page())
    context.close()


def watched(page):
    """The page with ``failures``: errors of its scripts, and requests without an answer."""
    page.failures = []
    page.on("pageerror", lambda error: page.failures.append(str(error)))

    def failed(request) -> None:
        if request.failure != "net::ERR_ABORTED":  # The test went on to another page.
            page.failures.append(f"{request.url} {request.failure}")

    page.on("requestfailed", failed)
    return page


@pytest.fixture
def admin_page(page_of):
    """A page of the first admin."""
    return page_of("admin")


PASSWORD = "a long one, for tests"
# Beside the first admin and the first trader: one of each role, on the first account; a colleague
# of the trader and the risk officer on all. The robot has a key for two strategies and a narrow one
# for its own alone.
PEOPLE = """
import json
from accounts.audit import OPERATOR
from accounts.models import Account
from accounts.rights.permissions import AccountRights, StrategyRights
from accounts.services import create_api_key, create_strategy, create_user, template_grants
from accounts.words import Right, Role
accounts = list(Account.objects.order_by("id").values_list("pk", flat=True))
first = accounts[0]
name = "Robot's <img src=x onerror=alert(1)>"
own = create_strategy(name=name, account_ids=[first], by=OPERATOR)
told = {"strategy_id": own.pk}
for name, role in (("reader", Role.READONLY), ("robot", Role.ROBOT), ("officer", Role.RISK),
                   ("manager", Role.PORTFOLIO_MANAGER), ("colleague", Role.TRADER)):
    user = create_user(user_name=name, role=role, by=OPERATOR, password="a long one, for tests")
    named = [1, own.pk] if role is Role.ROBOT else []
    everywhere = name in ("colleague", "officer")
    grants = template_grants(role, accounts if everywhere else [first], named)
    key = create_api_key(user=user, grants=grants, by=OPERATOR, label="wide")
    told |= {"officer_key": key.plain} if name == "officer" else {}
    if role is Role.ROBOT:
        narrow = AccountRights(grants[first].granted, {own.pk: StrategyRights()})
        create_api_key(user=user, grants={first: narrow}, by=OPERATOR, label="narrow")
print(json.dumps(told))
"""


@pytest.fixture(scope="session")
def people(product):
    """``strategy_id``: the robot's own; ``officer_key``: what the risk officer asks REST with."""
    told = product.manage("shell", "--verbosity", "0", "-c", PEOPLE).splitlines()[-1]
    return json.loads(told)


@pytest.fixture(scope="session")
def session_of(chromium, product, people):
    """What a person's log-in leaves in a browser; each logs in once."""
    known = {}

    def session(name):
        if name not in known:
            person = product.facts.get(name, {"username": name, "password": PASSWORD})
            context = chromium.new_context(base_url=product.base)
            known[name] = logged_in(context, person)
            context.close()
        return known[name]

    return session


@pytest.fixture(scope="session")
def browser_of(chromium, product, session_of):
    """A person's browser, with what it has in its cache; ``options`` make it another one."""
    known = {}

    def browser(name, **options):
        key = (name, *sorted(options.items()))
        if key not in known:
            options = {"viewport": DESKTOP, "storage_state": session_of(name)} | options
            known[key] = chromium.new_context(base_url=product.base, **options)
        return known[key]

    yield browser
    for each in known.values():
        each.close()


@pytest.fixture
def page_of(browser_of):
    """Opens a page of a person; it also collects what a screen must not do.

    Nothing but its cache stays in the browser when the test is over.
    """
    with ExitStack() as opened:

        def open_page(name, **options):
            page = strict(watched(browser_of(name, **options).new_page()))
            opened.callback(_forget, page)
            return page

        yield open_page


def _forget(page):
    if page.url.startswith("http"):  # A page that was never opened has nothing to forget.
        page.evaluate("localStorage.clear()")
    page.close()


@pytest.fixture(scope="session")
def flat(product):
    """Ends all that is open on an account, whoever left it so, and gives the account."""

    def ended(account):
        product.command("cancel_all_orders", account["id"])
        # By each other first. Bought back on a spot market, the fee of a short would be missing
        # when all that was bought is sold.
        while {each["side"] for each in product.positions(account)} == {"buy", "sell"}:
            longs, shorts = (
                [each for each in product.positions(account) if each["side"] == side]
                for side in ("buy", "sell")
            )
            longest = max(longs, key=lambda each: Decimal(each["qty"]))
            pair = {"position_id_a": shorts[0]["id"], "position_id_b": longest["id"]}
            product.command("close_by", **pair)
        product.command("close_all_positions", account["id"])
        product.until(lambda: not product.positions(account), 10, "flat")
        return account

    return ended


@pytest.fixture
def trader_page(page_of):
    """A page of the first trader."""
    return page_of("trader")


@pytest.fixture
def other_page(chromium, product, session_of):
    """Another browser of the same."""
    state = {"storage_state": session_of("trader"), "viewport": DESKTOP}
    context = chromium.new_context(base_url=product.base, **state)
    yield strict(watched(context.new_page()))
    context.close()


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


def logged_in(context, person):
    """What the browser keeps once the form of the log-in was sent, without a page being drawn."""
    form = context.request.get("/admin/login/").text()
    token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', form)[1]
    answer = context.request.post(
        "/admin/login/", form=person | {"csrfmiddlewaretoken": token}, max_redirects=0
    )
    assert answer.status == HTTPStatus.FOUND, answer.text()
    return context.storage_state()


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
    if not page.evaluate("'axe' in window"):
        page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text())
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [f"{each['id']}: {node['target']} {node.get('failureSummary', '')[:200]}"
            for each in found["violations"] if each["impact"] in ("serious", "critical")
            for node in each["nodes"]]  # fmt: skip
