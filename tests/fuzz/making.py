"""Requests made up from the OpenAPI document: right ones, and ones with something wrong in them."""

import json
import random
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

Json = dict[str, Any]

# Never anybody else: those who ask have to stay who they are.
ALWAYS = {"user_id", "api_key_id", "key_id"}
METHODS = ("get", "post", "patch", "put", "delete")
NASTY = [
    "\ud800", "x\udfff", "\x00", "", " ", "a" * 5000, "\u202e\u2066", "\N{GRINNING FACE}" * 40,
    "NaN", "-0", "1e400", "0x10", "١٢", "' OR 1=1 --", "../../etc/passwd", "%00", 0, -1, 2**63,
    10**60, 1.5, True, None, [], {}, [[]], {"a": {"b": [1]}}, ["x"] * 600,
    "2026-13-45", "9999-12-31T23:59:59Z",
]  # fmt: skip
HEADERS = [
    {"Accept": "text/csv"}, {"Accept": ";;;"}, {"Content-Type": "text/plain"},
    {"Content-Type": "application/json; charset=utf-16"}, {"Content-Type": "multipart/form-data"},
    {"X-Request-ID": "y" * 3000}, {"Cookie": "sessionid=x; a=\u00e4"},
    {"X-Forwarded-For": ",, x,::"},
    {"Idempotency-Key": "\u00e4 "}, {"Range": "bytes=0-5"}, {"If-None-Match": "*"},
    {"X-HTTP-Method-Override": "DELETE"}, {"Expect": "nothing"}, {"Daphne-Root-Path": "/\u00e4"},
    {"Accept-Language": "xx;q=9"}, {"Host": "127.0.0.1:99999"},
]  # fmt: skip


@dataclass
class Call:
    """One request over REST."""

    operation: str
    method: str
    path: str
    body: bytes | None
    headers: dict[str, str] = field(default_factory=dict)


class Maker:
    """Makes requests of the document, with ids from ``pools`` of what there is."""

    def __init__(self, document: Json, pools: dict[str, list[Any]], seed: int) -> None:
        self._document, self._pools, self._rng = document, pools, random.Random(seed)

    def operations(self) -> list[tuple[str, str]]:
        """Method and address of each, in the order of the document."""
        paths = self._document["paths"]
        return [(method, path) for path in paths for method in METHODS if method in paths[path]]

    def call(self, method: str, path: str) -> Call:
        """A request of an operation; about one in three has something wrong in it."""
        rng, facts = self._rng, self._document["paths"][path][method]
        is_wrong = rng.random() < 0.35
        flaw = rng.choice(("body", "body", "body", "raw", "header", "query", "path"))
        flaw = flaw if is_wrong else ""
        shape = self._body_of(facts)
        body: bytes | None = None
        if shape is not None:
            value = self.value(shape, "body")
            value = self.spoilt(value) if flaw == "body" else value
            body = self._raw(value) if flaw == "raw" else json.dumps(value).encode()
        headers = {"Content-Type": "application/json"} if body is not None else {}
        headers |= rng.choice(HEADERS) if flaw == "header" else {}
        address = self._address(path, facts, flaw)
        return Call(f"{method.upper()} {path}", method.upper(), address, body, headers)

    def command(self) -> Any:
        """One command."""
        body = self._document["paths"]["/oms/commands"]["post"]["requestBody"]
        shapes = body["content"]["application/json"]["schema"]["oneOf"]
        return self.value(self._rng.choice([each for each in shapes if "title" in each]), "body")

    def value(self, shape: Json, name: str, depth: int = 0) -> Any:
        """Something that the schema allows, with ids that exist where the name says which."""
        rng, shape = self._rng, self._resolved(shape)
        if (pool := self._pools.get(name)) and (name in ALWAYS or rng.random() < 0.9):
            return rng.choice(pool)
        if "enum" in shape:
            return rng.choice(shape["enum"])
        for several in ("oneOf", "anyOf", "allOf"):
            if shape.get(several):
                return self.value(rng.choice(shape[several]), name, depth + 1)
        kind = shape.get("type", "string")
        kind = rng.choice(kind) if isinstance(kind, list) else kind
        match kind:
            case "object":
                return self._object(shape, depth)
            case "array":
                many = rng.randint(1, 3) if depth < 6 else 1
                one = name.removesuffix("s")
                return [self.value(shape.get("items", {}), one, depth + 1) for _ in range(many)]
            case "integer":
                low = shape.get("minimum", 0)
                return rng.choice((low, low + 1, rng.randint(low, low + 50)))
            case "number":
                return rng.choice((1, 0.001, 12.5))
            case "boolean":
                return rng.random() < 0.5
            case "null":
                return None
        return self._text(shape)

    def spoilt(self, value: Any) -> Any:
        """The value with one thing wrong somewhere in it."""
        rng = self._rng
        if isinstance(value, dict) and value and rng.random() < 0.85:
            name = rng.choice(list(value))
            match rng.randrange(5):
                case 0:
                    return {other: value[other] for other in value if other != name}
                case 1:
                    return value | {rng.choice(("extra", "\udc00", "")): 1}
            return value | {name: self.spoilt(value[name])}
        if isinstance(value, list) and value and rng.random() < 0.7:
            return [*value[:-1], self.spoilt(value[-1])]
        return rng.choice(NASTY)

    # --- parts ---

    def _address(self, path: str, facts: Json, flaw: str) -> str:
        rng = self._rng
        parameters = [self._resolved(each) for each in facts.get("parameters", ())]
        query = []
        for each in parameters:
            name, place = each["name"], each["in"]
            value = self._plain(self.value(each.get("schema", {}), name))
            if place == "path":
                value = rng.choice(("0", "-1", str(2**64), "x", "%00", "\u00e4", "9" * 400)) if (
                    flaw == "path"
                ) else value  # fmt: skip
                path = path.replace("{" + name + "}", quote(value, safe=","))
            elif place == "query" and (each.get("required") or rng.random() < 0.3):
                query.append((name, value))
        if flaw == "query":
            wrong = rng.choice(("", "x", "-1", str(2**70), "\x00", "\u00e4", "1,,2", "9" * 3000))
            name = rng.choice([*(name for name, _ in query), "unknown", "limit", "cursor"])
            query = [pair for pair in query if pair[0] != name] + [(name, wrong)]
        text = "&".join(f"{quote(name)}={quote(value)}" for name, value in query)
        return f"{path}?{text}" if text else path

    def _raw(self, value: Any) -> bytes:
        good = json.dumps(value).encode()
        return self._rng.choice(
            (good[: len(good) // 2], b"", b"[" * 5000, b'{"a": NaN}', b"\xff\xfe" + good, good * 2,
             good.replace(b'"', b"'"), b'{"a":1,"a":2}', b"1" * 5000, b'"\xed\xa0\x80"', b"null",
             b'{"a": ' * 30 + b"1" + b"}" * 30, json.dumps(value).encode("utf-16"))
        )  # fmt: skip

    def _object(self, shape: Json, depth: int) -> Json:
        rng, found = self._rng, {}
        required = set(shape.get("required", ()))
        for name, inner in shape.get("properties", {}).items():
            if name in required or (rng.random() < 0.35 and depth < 6):
                found[name] = self.value(inner, name, depth + 1)
        return found

    def _text(self, shape: Json) -> str:
        rng = self._rng
        match shape.get("format"):
            case "decimal":
                return rng.choice(("1", "0.01", "0.001", "100", "3000.5"))
            case "date-time":
                return "2031-01-01T00:00:00Z"
            case "date":
                return "2026-01-31"
            case "email":
                return "a@example.org"
        return f"text {rng.randrange(10**6)}"[: shape.get("maxLength", 64)]

    def _plain(self, value: Any) -> str:
        if isinstance(value, list):
            return ",".join(self._plain(each) for each in value)
        if isinstance(value, bool):
            return str(value).lower()
        return value if isinstance(value, str) else json.dumps(value)

    def _body_of(self, facts: Json) -> Json | None:
        content = facts.get("requestBody", {}).get("content", {})
        return content.get("application/json", {}).get("schema")

    def _resolved(self, shape: Json) -> Json:
        while "$ref" in shape:
            found: Any = self._document
            for step in shape["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            shape = found
        return shape
