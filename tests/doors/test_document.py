"""Does every list of the OpenAPI document that says where the next page begins take it back?"""

import json

from oms_project.pages import schema

# All of it fits one page always: what it names is null.
WHOLE = {
    "/meta/exchanges", "/oms/accounts", "/oms/orders/{ids}", "/oms/deals/{ids}",
    "/oms/positions/{ids}", "/oms/reconcile/status",
}  # fmt: skip


def test_a_list_with_a_next_cursor_takes_a_cursor():
    document = json.loads(schema.document().as_json)
    lost = []
    for path, methods in document["paths"].items():
        get = methods.get("get")
        if get is None or "next_cursor" not in _answered(document, get):
            continue
        names = {parameter["name"] for parameter in get.get("parameters", ())}
        if "cursor" not in names and not _is_whole(path):
            lost.append(path)

    assert lost == []


def _is_whole(path: str) -> bool:
    bare = path.removeprefix("/backoffice")
    return bare in WHOLE or "{" in path


def _answered(document: dict, operation: dict) -> set[str]:
    content = operation["responses"].get("200", {}).get("content", {})
    shape = content.get("application/json", {}).get("schema", {})
    if "$ref" in shape:
        shape = document["components"]["schemas"][shape["$ref"].rpartition("/")[2]]
    return set(shape.get("properties", ()))
