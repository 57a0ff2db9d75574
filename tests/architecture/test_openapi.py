"""Does the OpenAPI document tell the truth?"""

import pytest
from django.urls import get_resolver
from drf_spectacular.generators import SchemaGenerator
from openapi_spec_validator import validate

from positions import rows
from positions.forms import commands
from positions.models import Case, Deal, Order, Position


@pytest.fixture(scope="module")
def document():
    return SchemaGenerator().get_schema(request=None, public=True)


def test_it_is_valid_openapi(document):
    validate(document)


def test_every_api_address_is_in_it(document):
    outside = ("admin/", "api/", "healthz", "readyz", "")
    known = {path.lstrip("/").replace("{ids}", "<str:ids>") for path in document["paths"]}

    missing = []
    for pattern in _patterns(get_resolver()):
        plain = pattern.replace("<int:key_id>", "{key_id}")
        if not pattern.startswith(tuple(filter(None, outside))) and pattern:
            generic = _without_types(pattern)
            if generic not in {_without_types(path) for path in known}:
                missing.append(plain)

    assert missing == []


def test_every_command_and_field_is_in_it(document):
    body = document["paths"]["/oms/commands"]["post"]["requestBody"]
    shapes = body["content"]["application/json"]["schema"]["oneOf"]
    shown = {
        shape["properties"]["command"]["enum"][0]: shape["properties"]["payload"]["properties"]
        for shape in shapes
        if shape["type"] == "object"
    }

    assert {name: set(fields) for name, fields in shown.items()} == {
        name: set(forms) for name, forms in commands.FORMS.items()
    }


@pytest.mark.parametrize(
    ("component", "render", "model"),
    [
        ("Order", rows.order_row, Order),
        ("Deal", rows.deal_row, Deal),
        ("Position", rows.position_row, Position),
        ("Case", rows.case_row, Case),
    ],
)
def test_a_row_shows_exactly_the_fields_of_the_document(document, component, render, model):
    shown = render(model())

    assert set(shown) == set(document["components"]["schemas"][component]["properties"])


def _patterns(resolver, prefix: str = ""):
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern)
        if hasattr(entry, "url_patterns"):
            yield from _patterns(entry, path)
        else:
            yield path


def _without_types(path: str) -> str:
    import re

    return re.sub(r"<[^>]+>|\{[^}]+\}", "{}", path.strip("/"))
