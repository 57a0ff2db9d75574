"""What must never be shown?

``hide`` remembers a secret for the life of the process: whoever decrypts or receives one says so.
``scrubbed`` takes those out of a text, and whatever looks like a secret: our keys and tokens, and
the value after a telling name. This module is a leaf: standard library only.
"""

import json
import re
from html import escape
from threading import Lock
from urllib.parse import quote

MASK = "…"
# Shorter ones are no secrets, and would tear words apart.
SHORTEST = 6
LIMIT = 4096

_KEY_TEXT = re.compile(r"\b(cxp_[A-Za-z0-9]+_|tok_)[A-Za-z0-9_-]{8,}")
# A name, what separates it from its value (quotes of a dict or of JSON inside JSON included), and
# the value: up to its quote, or up to where an address, a list or a word ends.
_NAMED = re.compile(
    r"\b(signature|api_?key|x-api-key|x-mbx-apikey|secret|passphrase|password|listenKey|otp|"
    r"authorization)\b(\\?[\"']?\s*[:=]\s*)(?:Bearer\s+)?(\\?[\"'])?"
    r"(?(3)[^\"'\\]*|[^&\s,;}\"'\\]+)",
    re.I,
)
_hidden: dict[str, None] = {}
_words: tuple[str, ...] = ()
_lock = Lock()


def hide(*secrets: str | None) -> None:
    """Never show these, wherever they turn up; the newest ``LIMIT`` are remembered."""
    global _words  # noqa: PLW0603 (one tuple for the process, replaced as a whole)
    fresh = {text for text in secrets if text and len(text) >= SHORTEST} - _hidden.keys()
    if not fresh:
        return
    with _lock:
        _hidden.update(dict.fromkeys(fresh))
        while len(_hidden) > LIMIT:
            del _hidden[next(iter(_hidden))]
        forms = {form for text in _hidden for form in _forms_of(text)}
        # The longest first, so that none is left half.
        _words = tuple(sorted(forms, key=len, reverse=True))


def _forms_of(text: str) -> tuple[str, ...]:
    """As it is, and as HTML, JSON, Python and addresses write it."""
    in_python = repr(text)[1:-1]
    in_pages = escape(text), escape(in_python)
    return text, in_python, *in_pages, json.dumps(text)[1:-1], quote(text)


def scrubbed(text: str) -> str:
    """``text`` without secrets."""
    for word in _words:
        if word in text:
            text = text.replace(word, MASK)
    return _KEY_TEXT.sub(rf"\1{MASK}", _NAMED.sub(rf"\1\2\3{MASK}", text))
