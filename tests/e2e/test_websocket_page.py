"""The examples of docs/howto/websocket.md, run against the product."""

import json
import re

import pytest

from tests.e2e.product import ROOT
from tests.e2e.sockets import connected

pytestmark = pytest.mark.e2e

PAGE = ROOT / "docs/howto/websocket.md"
ANYTHING = "…"


def lines() -> list[tuple[str, dict]]:
    """Every line of every conversation: who speaks, and what."""
    talks = re.findall(r"```ws\n(.*?)```", PAGE.read_text(), re.S)
    return [(line[0], json.loads(line[2:])) for talk in talks for line in talk.splitlines()]


async def test_the_examples_are_answered_as_they_say(embedded):
    async with connected(embedded, key=None) as client:
        for speaker, message in lines():
            if speaker == ">":
                if message["action"] == "auth":
                    message["payload"]["api_key"] = embedded.facts["api_key"]
                await client.wire.send_json(message)
            else:
                await hears(client, message)

    assert len(lines()) > 20


def test_every_event_and_close_code_that_the_page_names_is_one_of_ours():
    from positions.sockets.words import CloseCode

    codes = {int(code) for code in re.findall(r"^\| (\d{4}) \|", PAGE.read_text(), re.M)}

    assert codes == {4404, *(int(code) for code in CloseCode)}


async def hears(client, message) -> None:
    """Read on until the message comes."""
    heard = len(client.seen)
    try:
        while not fits(message, await client.next()):
            pass
    except TimeoutError:
        raise AssertionError(f"expected {message}, heard {client.seen[heard:]}") from None


def fits(expected, found) -> bool:
    """Whether it is the same, with the same fields; ``…`` is anything."""
    if expected == ANYTHING:
        return True
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(
            fits(value, found[name]) for name, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(fits, expected, found))
    return expected == found
