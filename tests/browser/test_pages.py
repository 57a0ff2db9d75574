"""What a person sees in a browser."""

import re

import pytest

pytestmark = pytest.mark.browser


def test_the_home_page_leads_to_back_office_and_api(page):
    page.goto("/")

    links = {link.get_attribute("href") for link in page.locator("a").all()}
    assert {"/admin/", "/api/docs"} <= links
    assert page.failures == []


def test_the_admin_lists_the_paper_accounts(admin_page, product):
    admin_page.goto("/admin/accounts/account/")

    text = admin_page.inner_text("#content")
    for account in product.accounts:
        assert account["label"] in text


@pytest.mark.parametrize("model", ["order", "deal", "position", "execution", "event", "command"])
def test_orders_and_what_came_of_them_are_read_only(admin_page, model):
    """What the server sends is read; no script of these pages adds to it."""
    listed = admin_page.request.get(f"/admin/positions/{model}/").text()
    first = re.search(rf'href="(/admin/positions/{model}/\d+/change/)', listed)[1]
    shown = admin_page.request.get(first)

    assert shown.ok
    assert f"/admin/positions/{model}/add/" not in listed
    assert 'name="_save"' not in shown.text()
    assert 'name="_save"' in admin_page.request.get("/admin/accounts/account/1/change/").text()


def test_credentials_are_never_shown(admin_page, product):
    login = product.facts["venue"]["logins"][0]

    admin_page.goto(f"/admin/accounts/account/{login['account_id']}/change/")

    html = admin_page.content()
    assert login["secret"] not in html
    assert login["api_key"] not in html
