"""The OpenAPI document, made once per process.

It costs seconds of computing and needs no key, so whoever asks often must cost no more than whoever
asks once. It is made when it is first asked for; those who come meanwhile wait for the same.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from functools import cache
from threading import Lock

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer

from oms_project.errors import MethodNotAllowed
from oms_project.problems import page

_building = Lock()
_asked: asyncio.Future[None] | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """The same document in both ways to write it, with its mark."""

    as_json: bytes
    as_yaml: bytes
    etag: str


@csrf_exempt
def view(request: HttpRequest) -> HttpResponse:
    """``GET /api/schema``: YAML, or JSON for whoever accepts that."""
    if request.method not in ("GET", "HEAD"):
        return page(request, MethodNotAllowed())
    found = document()
    if request.headers.get("If-None-Match") == found.etag:
        return HttpResponseNotModified(headers={"ETag": found.etag})
    headers = {"ETag": found.etag, "Vary": "Accept"}
    if _wants_json(request):
        return HttpResponse(found.as_json, content_type="application/json", headers=headers)
    kind = "application/vnd.oai.openapi; charset=utf-8"
    return HttpResponse(found.as_yaml, content_type=kind, headers=headers)


def document() -> Document:
    """The document; the first caller of a process makes it."""
    with _building:
        return _built()


async def ready() -> None:
    """Returns once the document is there; waiting for it holds no thread."""
    global _asked  # noqa: PLW0603 (one for the process)
    if _asked is None:
        _asked = asyncio.ensure_future(asyncio.to_thread(document))  # type: ignore[arg-type]
    await asyncio.shield(_asked)


@cache
def _built() -> Document:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    as_json = OpenApiJsonRenderer().render(schema, renderer_context={})
    as_yaml = OpenApiYamlRenderer().render(schema, renderer_context={})
    return Document(as_json, as_yaml, f'"{hashlib.sha256(as_json).hexdigest()[:32]}"')


def _wants_json(request: HttpRequest) -> bool:
    asked = request.GET.get("format") or request.headers.get("Accept", "")
    return "json" in asked
