"""How does JSON leave, whatever an exchange or a client once said?

A text may hold half of a surrogate pair, which JSON can write as an escape and UTF-8 cannot. Such a
half is sent as its escape, so that no answer fails because of one name in it.
"""

from collections.abc import Mapping
from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer


def encoded(text: str) -> bytes:
    """A JSON text as UTF-8; it may hold halves of surrogate pairs inside its strings only."""
    return text.encode(errors="backslashreplace")


class JsonRenderer(JSONRenderer):
    """DRF's, for every text."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return super().render(data, accepted_media_type, renderer_context)
        except UnicodeEncodeError:
            return _Escaping().render(data, accepted_media_type, renderer_context)


class FirstRenderer(BaseContentNegotiation):
    """What a view has to say it says, whatever the client would rather read.

    A program that asks for CSV, or a probe that asks for text, can use the JSON or leave it; what
    it cannot use is no answer.
    """

    def select_parser(self, request: Any, parsers: Any) -> Any:
        """The one that reads this media type, ``None`` where there is none."""
        wanted = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == wanted), None)

    def select_renderer(
        self, request: Any, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The view's own way to write, the first where it has several."""
        return renderers[0], renderers[0].media_type


class _Escaping(JSONRenderer):
    ensure_ascii = True
