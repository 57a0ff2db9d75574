"""The examples of docs/howto/websocket.md and orders.md, run against the product."""

import re

import pytest

from positions.forms.commands import FORMS
from tests.e2e import printed
from tests.e2e.product import ROOT
from tests.e2e.sockets import connected

pytestmark = pytest.mark.e2e

WEBSOCKET = ROOT / "docs/howto/websocket.md"
ORDERS = ROOT / "docs/howto/orders.md"


@pytest.mark.parametrize("page", [WEBSOCKET, ORDERS], ids=lambda page: page.stem)
async def test_the_conversations_are_answered_as_they_say(embedded, page):
    async with connected(embedded, key=None) as client:
        await printed.talk(client, page, embedded.facts["api_key"])

    assert len(printed.conversation(page)) >= 6


@pytest.mark.parametrize("language", ["sh", "python", "js"])
def test_every_command_is_given_and_answered_as_printed(embedded, tmp_path, language):
    script = printed.script(ORDERS, language)

    assert printed.printed(script, language, embedded, tmp_path / language) == printed.said_by(
        script
    )
    assert [each for each in (*FORMS, "reassign", "check=true") if each not in script] == []


def test_every_event_and_close_code_that_the_page_names_is_one_of_ours():
    from positions.sockets.words import CloseCode

    codes = {int(code) for code in re.findall(r"^\| (\d{4}) \|", WEBSOCKET.read_text(), re.M)}

    assert codes == {4404, *(int(code) for code in CloseCode)}
