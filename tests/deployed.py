"""What ``docker-compose.yml`` starts, for tests that start the same without containers."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]


@cache
def services() -> dict[str, Any]:
    """The services by name, anchors merged and variables at their defaults."""
    return composition()["services"]


def composition() -> dict[str, Any]:
    """The whole file as Compose would read it with an empty environment."""
    text = (ROOT / "docker-compose.yml").read_text()
    merged = yaml.safe_load(re.sub(r"\$\{\w+:-(\w*)\}", r"\1", text))
    return json.loads(json.dumps(merged).replace("$$", "$"))


def command(name: str, python: str) -> list[str]:
    """The command of one service, run by this ``python`` and what is installed beside it."""
    first, *rest = services()[name]["command"]
    runs = {"python": [python, "-u"], "celery": [python, "-u", "-m", "celery"]}
    return [*runs[first], *rest]
