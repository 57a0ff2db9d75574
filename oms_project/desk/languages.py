"""In which language is a page, and where do its words come from?

The catalogues are texts, ``locale/<part>/<language>.po``, one part per chapter of the screens. Each
process makes of them what gettext reads when it starts, in the data folder, where they changed.
"""

import hashlib
import json
import os
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import translation
from django.utils.translation import to_locale
from django.views.decorators.http import require_safe

SOURCE = settings.BASE_DIR / "locale"
_MAGIC = 0x950412DE
_HEAD = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
_LINE = re.compile(r'^(msgid|msgstr)?\s*("(?:[^"\\]|\\.)*")\s*$')


def in_language(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: pages are in the language of the browser or of its choice, the API in English."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if not _is_page(request.path_info):
            return get_response(request)
        language = translation.get_language_from_request(request)
        with translation.override(language):
            response = get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response

    return middleware


def _is_page(path: str) -> bool:
    return path == "/" or (path.startswith("/admin/") and not path.startswith("/admin/data/"))


def words_url(language: str) -> str:
    """The address of the words for scripts; it changes with them."""
    return f"{reverse('desk:words', args=[language])}?{_script(language)[1]}"


@require_safe
def words(request: HttpRequest, language: str) -> HttpResponse:
    """The words of a language as a module for scripts; English has none, its texts are the keys."""
    if language not in dict(settings.LANGUAGES):
        raise Http404
    text, mark = _script(language)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "ETag": f'"{mark}"'}
    return HttpResponse(text, content_type="text/javascript; charset=utf-8", headers=headers)


@cache
def _script(language: str) -> tuple[str, str]:
    told = json.dumps(catalogue(language), ensure_ascii=False, sort_keys=True)
    text = f"export const words = {told};\n"
    return text, hashlib.sha256(text.encode()).hexdigest()[:16]


def catalogue(language: str) -> dict[str, str]:
    """Every text that is known in the language, by its English."""
    found: dict[str, str] = {}
    for path in sorted(SOURCE.glob(f"*/{language}.po")):
        found |= dict(read_po(path.read_text(encoding="utf-8")))
    return found


def compile_catalogues(folder: Path) -> None:
    """Write for gettext what the texts say, below ``folder``."""
    for language, _ in settings.LANGUAGES:
        target = folder / to_locale(language) / "LC_MESSAGES" / "django.mo"
        data = _mo({"": _HEAD, **catalogue(language)})
        if target.exists() and target.read_bytes() == data:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(data)
        fresh.replace(target)  # Others start beside us and read it whole.


def read_po(text: str) -> Iterator[tuple[str, str]]:
    """The pairs of a catalogue: English, and what it is called. Headers and gaps are left out."""
    for block in re.split(r"\n\s*\n", text):
        parts, kind = {"msgid": "", "msgstr": ""}, ""
        for line in block.splitlines():
            if match := _LINE.match(line.strip()):
                kind = match[1] or kind
                parts[kind] += json.loads(match[2])
        if parts["msgid"] and parts["msgstr"]:
            yield parts["msgid"], parts["msgstr"]


def _mo(pairs: Mapping[str, str]) -> bytes:
    """The pairs as gettext's binary form: two tables of lengths and places, then the texts."""
    ordered = sorted((key.encode(), value.encode()) for key, value in pairs.items())
    count, head = len(ordered), 28
    places: list[tuple[int, int]] = []
    texts, at = b"", head + 16 * count
    for part in [key for key, _ in ordered] + [value for _, value in ordered]:
        places.append((len(part), at))
        texts += part + b"\0"
        at += len(part) + 1
    table = b"".join(struct.pack("<2I", *place) for place in places)
    return struct.pack("<7I", _MAGIC, 0, count, head, head + 8 * count, 0, 0) + table + texts
