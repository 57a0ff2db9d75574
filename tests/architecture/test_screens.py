"""Do the screens keep to their doors? Rows come from selectors, acts go the way of REST."""

import ast
import json
import re
from pathlib import Path

import pytest
from django.apps import apps

from oms_project.pages.schema import document

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "oms_project" / "desk").rglob("*.py"))
TEMPLATES = sorted((ROOT / "templates" / "desk").rglob("*.html"))
MANAGERS = {"objects", "_default_manager", "_base_manager"}


def touches(source: str) -> list[str]:
    """Where a module imports models, or names a manager."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module=str(module)) if "models" in module.split("."):
                found.append(f"{node.lineno}: from {module}")
            case ast.ImportFrom(names=names) if any(name.name == "models" for name in names):
                found.append(f"{node.lineno}: import models")
            case ast.Import(names=names):
                found += [f"{node.lineno}: import {name.name}" for name in names
                          if "models" in name.name.split(".")]  # fmt: skip
            case ast.Attribute(attr=name) if name in MANAGERS or name in related_names():
                found.append(f"{node.lineno}: .{name}")
    return found


def related_names() -> set[str]:
    """The names by which a row reaches rows that point at it."""
    return {
        field.get_accessor_name()
        for model in apps.get_models()
        for field in model._meta.related_objects
        if field.get_accessor_name()
    } - {"accounts", "positions", "orders", "deals", "strategies"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_no_module_of_the_screens_touches_a_model(path):
    assert touches(path.read_text()) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_of_the_screens_reaches_a_manager(path):
    names = "|".join(sorted(MANAGERS | related_names()))

    assert re.findall(rf"\.(?:{names}|\w+_set)\b", path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    ["from positions.models import Order", "from positions import models",
     "import accounts.models", "rows = thing.objects.all()", "user.api_keys.all()"],
)  # fmt: skip
def test_a_module_that_touches_one_is_found(source):
    assert touches(source)


def test_the_pages_addresses_are_no_part_of_the_api():
    paths = json.loads(document().as_json)["paths"]

    assert "/oms/symbols" in paths
    assert [path for path in paths if path.startswith("/admin")] == []


GROUNDS = ("bg", "panel", "raised", "sunk", "hover", "chosen")
WRITTEN = ("text", "quiet", "faint")


def luminance(colour: str) -> float:
    """The relative luminance of ``#rrggbb``, 0 to 1 (WCAG 2.2, "relative luminance")."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [":root {", ":root.dark {"])
def test_every_text_can_be_read_on_every_ground(theme):
    """At least 4.5 to 1 (WCAG 2.2, 1.4.3): axe sees only the states that a page is in."""
    _, _, rest = (ROOT / "static" / "desk" / "theme.css").read_text().partition(theme)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", rest.partition("}")[0]))

    weak = {
        (text, ground): round(found, 2)
        for text in WRITTEN
        for ground in GROUNDS
        if (found := contrast(colours[text], colours[ground])) < 4.5
    }

    assert weak == {}
