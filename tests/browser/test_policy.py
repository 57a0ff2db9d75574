"""Do all pages keep to the policy that browsers hold them to? Each is visited, none reports."""

import re
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.browser

LISTENER = """
window.reports = [];
document.addEventListener("securitypolicyviolation", (report) => window.reports.push(
  `${report.effectiveDirective} ${report.blockedURI} ${report.sourceFile}:${report.lineNumber}`
));
"""
MOST_PAGES = 200
# By their own tests (``unbroken``), as people who see more of them than an admin does; one is left.
WATCHED_ELSEWHERE = {
    f"/admin/{route}"
    for route in (
        "trade/",
        "orders/",
        "deals/",
        "positions/history/",
        "orders/history/",
        "symbols/",
    )
}


@pytest.fixture
def watched(page):
    """A page that remembers what its policy forbade, on every address it shows."""
    page.add_init_script(LISTENER)
    page.told = []
    page.on("console", lambda line: page.told.append(line.text))
    return page


def reports(page):
    """What the policy forbade on the page that is shown, and said of it on the console."""
    told = [line for line in page.told if "Content Security Policy" in line]
    page.told.clear()
    return page.evaluate("window.reports") + told


def test_a_policy_that_is_broken_is_noticed(watched):
    """The listener itself: what is forbidden shows."""
    watched.goto("/")

    watched.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"top: 0\">x</p>')")
    watched.wait_for_function("window.reports.length > 0")

    assert reports(watched)


def test_no_page_of_ours_breaks_its_policy(watched, session_of):
    watched.context.add_cookies(session_of("admin")["cookies"])
    seen, waiting, broken = set(), ["/", "/admin/", "/admin/two-factor/", "/admin/nowhere/"], {}
    while waiting and len(seen) < MOST_PAGES:
        path = waiting.pop(0)
        if (pattern := _pattern(path)) in seen:
            continue
        seen.add(pattern)
        watched.goto(path)
        if found := reports(watched):
            broken[path] = found
        waiting += _links(watched)

    assert broken == {}
    assert {"/", "/api/docs", "/admin/accounts/user/", "/admin/accounts/user/N/change/"} <= seen
    assert len(seen) > 40


def test_the_second_factor_and_the_api_page_with_execute_break_none(watched, product):
    watched.goto("/admin/login/")
    found = reports(watched)
    _log_in(watched, product)
    watched.goto("/admin/two-factor/")
    watched.click("input[value='Set it up']")
    watched.locator("svg").first.wait_for()
    found += reports(watched)

    hosts = set()
    watched.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    watched.goto("/api/docs")
    watched.get_by_text("/oms/commands").first.wait_for()
    operation = watched.locator(".opblock", has_text="/healthz").first
    operation.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    operation.locator(".live-responses-table .response-col_status").first.wait_for()

    assert hosts == {f"127.0.0.1:{product.port}"}
    assert "200" in operation.locator(".live-responses-table").inner_text()
    assert found + reports(watched) == []
    assert watched.failures == []


def _log_in(page, product):
    page.goto("/admin/")
    page.fill("#id_username", product.facts["admin"]["username"])
    page.fill("#id_password", product.facts["admin"]["password"])
    page.click("input[type=submit]")


def _links(page):
    """The addresses that the page leads to, on our own host."""
    found = page.evaluate("[...document.querySelectorAll('a[href]')].map((a) => a.href)")
    own = urlsplit(page.url).netloc
    paths = [urlsplit(each) for each in found]
    return [each.path for each in paths if each.netloc == own and _is_page(each.path)]


def _is_page(path):
    is_other = path.startswith(("/api/schema", "/readyz", "/healthz")) or "logout" in path
    return not is_other and path not in WATCHED_ELSEWHERE


def _pattern(path):
    """Pages that one template shows are one, as are rows of a list."""
    plain = re.sub(r"\d+", "N", path)
    return re.sub(r"^/admin/\w+/\w+/N/(history|delete)/$", r"/admin/\1/", plain)
