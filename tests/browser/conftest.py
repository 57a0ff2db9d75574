"""A real Chromium, a running product, and people of every role who are logged in to it."""

import json
import re
import shutil
from contextlib import ExitStack, contextmanager
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


@pytest.fixture
def page_of(chromium, product, session_of):
    """Opens a page of a person; it also collects what a screen must not do."""
    with ExitStack() as opened:

        def open_page(name, **options):
            options = {"storage_state": session_of(name)} | options
            pages = contextmanager(fresh_page)(chromium, product, **options)
            return strict(opened.enter_context(pages))

        yield open_page


@pytest.fixture
def trader_page(page_of):
    """A page of the first trader."""
    return page_of("trader")


@pytest.fixture
def other_page(page_of):
    """Another browser of the same."""
    return page_of("trader")


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
    source = files("axe_playwright_python").joinpath("axe.min.js").read_text()
    page.evaluate(source)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [f"{each['id']}: {node['target']} {node.get('failureSummary', '')[:200]}"
            for each in found["violations"] if each["impact"] in ("serious", "critical")
            for node in each["nodes"]]  # fmt: skip
