"""Is every word of the screens in every language? Templates, scripts, modules against locale/."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings

from oms_project.desk.languages import SOURCE, catalogue, read_po

ROOT = Path(__file__).resolve().parents[2]
LOG_IN = ROOT / "accounts" / "templates" / "admin"
TEMPLATES = [
    *sorted((ROOT / "templates" / "desk").rglob("*.html")),
    *sorted(LOG_IN.glob("two_factor*.html")),
]
SCRIPTS = sorted((ROOT / "static" / "desk").rglob("*.js"))
MODULES = [*sorted((ROOT / "oms_project" / "desk").rglob("*.py")),
           ROOT / "accounts" / "backoffice" / "site.py"]  # fmt: skip
LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]
NAMES = {"ccxt-position", "UTC", "·", "?", "%",
         "TradingView", "Lightweight", "Charts™"}  # What is the same in all languages.  # fmt: skip
SHOWN_ATTRIBUTES = ("title", "alt", "placeholder", "aria-label")

_TRANSLATE = re.compile(r"""\{%-?\s*translate\s+(?:"([^"]*)"|'([^']*)')""")
_BLOCK = re.compile(r"\{%\s*blocktranslate[^%]*%\}(.*?)\{%\s*endblocktranslate\s*%\}", re.S)
_CALL = re.compile(r'(?<![\w$.])_\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)')
_CLASS = re.compile(r"\{% block body_class %\}.*?\{% endblock %\}")
# A sentence or a word with a capital that no call of _ surrounds.
_SENTENCE = re.compile(r'(?<!_\()"([A-Z][a-z]+(?: [^"\n]*)?)"')
_NO_WORDS = {
    "Accept",
    "Content-Type",
    "Delete",
    "Enter",
    "Escape",
    "Shift",
    "Ctrl",
    "Alt",
    "AbortError",
    # Keys, as a browser names them.
    "Control",
    "Meta",
    "Dead",
    "Tab",
    "Space",
    "Backspace",
}
_VALUE = re.compile(r"%\(\w+\)s")


def in_template(source: str) -> set[str]:
    """The texts that a template translates, as gettext is asked for them."""
    simple = {first or second for first, second in _TRANSLATE.findall(source)}
    blocks = {re.sub(r"\{\{\s*(\w+)\s*\}\}", r"%(\1)s", text) for text in _BLOCK.findall(source)}
    return simple | blocks


def in_code(source: str) -> set[str]:
    """The texts in calls of ``_``, in Python or in JavaScript."""
    parts = (re.findall(r'"((?:[^"\\]|\\.)*)"', call) for call in _CALL.findall(source))
    return {"".join(each).replace('\\"', '"') for each in parts}


def used() -> dict[str, str]:
    """Every text of the screens, and a file that has it."""
    found = {text: path.name for path in TEMPLATES for text in in_template(path.read_text())}
    found |= {text: path.name for path in (*SCRIPTS, *MODULES) for text in in_code(path.read_text())
              if path.name != "words.js"}  # fmt: skip
    return found


class _Shown(HTMLParser):
    """Collects what a person would read of a template whose translations are taken out."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag, attrs):
        self._hidden += tag in ("script", "style")
        self.texts += [value for name, value in attrs if name in SHOWN_ATTRIBUTES and value]

    def handle_endtag(self, tag):
        self._hidden -= tag in ("script", "style")

    def handle_data(self, data):
        if not self._hidden:
            self.texts += data.split()


def untranslated(source: str) -> list[str]:
    """Words that stand in a template as they are."""
    plain = _CLASS.sub("", _BLOCK.sub("", source))
    plain = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", plain, flags=re.S)
    reader = _Shown()
    reader.feed(plain)
    return [text for text in reader.texts if re.search(r"\w", text) and text not in NAMES]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_the_screens_is_in_the_catalogue(language):
    known = catalogue(language)

    missing = {text: place for text, place in used().items() if text not in known}

    assert missing == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_has_nothing_that_no_page_says(language):
    assert sorted(set(catalogue(language)) - set(used())) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_names_the_same_values(language):
    wrong = [text for text, told in catalogue(language).items()
             if sorted(_VALUE.findall(text)) != sorted(_VALUE.findall(told))]  # fmt: skip

    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_parts_never_say_the_same_text_differently(language):
    told: dict[str, set[str]] = {}
    for path in SOURCE.glob(f"*/{language}.po"):
        for text, translation in read_po(path.read_text(encoding="utf-8")):
            told.setdefault(text, set()).add(translation)

    assert {text: each for text, each in told.items() if len(each) > 1} == {}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_shows_a_word_that_is_not_translated(path):
    assert untranslated(path.read_text()) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_shows_a_sentence_that_is_not_translated(path):
    plain = re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.M)

    assert sorted({*_SENTENCE.findall(_CALL.sub("", plain))} - _NO_WORDS) == []


def test_a_word_that_is_not_translated_is_found():
    assert untranslated("<p>{% translate 'Close' %} now</p>") == ["now"]
    assert untranslated('<p title="Close">{{ page }}</p>') == ["Close"]
    assert in_code('h("b", {}, _("Close"), _("a %(n)s", {n: 1}))') == {"Close", "a %(n)s"}
    source = "{% translate 'a' %}{% blocktranslate %}b {{ c }}{% endblocktranslate %}"
    assert in_template(source) == {
        "a", "b %(c)s"}  # fmt: skip
