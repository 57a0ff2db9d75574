"""What a person sees in a browser."""

import pytest

pytestmark = pytest.mark.browser


def test_the_home_page_leads_to_back_office_and_api(page):
    page.goto("/")

    links = {link.get_attribute("href") for link in page.locator("a").all()}
    assert {"/admin/", "/api/docs"} <= links
    assert page.failures == []


def test_the_api_page_shows_the_commands_without_any_foreign_host(page, product):
    hosts = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))

    page.goto("/api/docs")
    page.get_by_text("/oms/commands").first.wait_for()

    assert hosts == {f"127.0.0.1:{product.port}"}
    assert page.failures == []


def test_the_admin_lists_the_paper_accounts(admin_page, product):
    admin_page.goto("/admin/accounts/account/")

    text = admin_page.inner_text("#content")
    for account in product.accounts:
        assert account["label"] in text


@pytest.mark.parametrize("model", ["order", "deal", "position", "execution", "event", "command"])
def test_orders_and_what_came_of_them_are_read_only(admin_page, model):
    admin_page.goto(f"/admin/positions/{model}/")

    assert admin_page.locator("#result_list tbody tr").count() >= 1
    assert admin_page.locator("#content .addlink").count() == 0
    admin_page.locator("#result_list tbody tr a").first.click()
    assert admin_page.locator("input[name=_save]").count() == 0


def test_credentials_are_never_shown(admin_page, product):
    login = product.facts["venue"]["logins"][0]

    admin_page.goto(f"/admin/accounts/account/{login['account_id']}/change/")

    html = admin_page.content()
    assert login["secret"] not in html
    assert login["api_key"] not in html
