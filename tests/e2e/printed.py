"""The examples of a page, as they are printed, run against a running product.

A block of `sh`, `python` or `js` goes on where the block before of its language ended; what it has
to print stands behind `→`. A block of `ws` is a conversation: who speaks (`>` a client), and what.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

from playwright._impl._driver import compute_driver_executable

from tests.e2e.product import Product

ANYTHING = "…"
_PRINTS = re.compile(r"(?:#|//) → (.*)")


def conversation(page: Path) -> list[tuple[str, dict]]:
    """Every line of every conversation: who speaks, and what."""
    talks = re.findall(r"```ws\n(.*?)```", page.read_text(), re.S)
    return [(line[0], json.loads(line[2:])) for talk in talks for line in talk.splitlines()]


def script(page: Path, language: str) -> str:
    """All blocks of a language, in order."""
    return "\n".join(re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.S))


def said_by(text: str) -> list[str]:
    """What a script has to print, by its own words."""
    return [told.strip() for told in _PRINTS.findall(text)]


def printed(text: str, language: str, product: Product, folder: Path) -> list[str]:
    """Run a script beside the product's data, at its port; the lines it printed."""
    folder.mkdir()
    (folder / "var").symlink_to(product.data)
    here = text.replace("127.0.0.1:8000", f"127.0.0.1:{product.port}")
    name, command = _INTERPRETERS[language]
    (folder / name).write_text(here)
    done = subprocess.run(
        [*command, name], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


async def talk(client, page: Path, api_key: str) -> None:
    """Say what the client says on the page, and hear what it hears."""
    for speaker, message in conversation(page):
        if speaker == ">":
            if message["action"] == "auth":
                message["payload"]["api_key"] = api_key
            await client.wire.send_json(message)
        else:
            await _hears(client, message)


async def _hears(client, message: dict) -> None:
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


_INTERPRETERS = {
    "sh": ("page.sh", ["bash", "-eu", "-o", "pipefail"]),
    "python": ("page.py", [sys.executable]),
    "js": ("page.mjs", [compute_driver_executable()[0]]),
}
