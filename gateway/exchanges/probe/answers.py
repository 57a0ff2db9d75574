"""An answer that has whatever a class looks for in it, and tells under which name it was found.

The exchange's real answers are not needed to see what a class reads out of one: it asks for a text
by its name (``safe_string(order, "clOrdId")``) and gets a number that stands for that name, so what
it makes of it says where each field comes from. Parsed numbers, times and flags are not told.
"""

import inspect
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

NOW_MS = 1_790_000_000_000

_WITHIN = {
    "data", "result", "results", "response", "order", "orders", "list", "rows", "items", "item",
    "payload", "info", "NewOrder", "body", "return", "content", "statuses", "resting", "records",
    "value", "descr", "transaction", "accounts", "sendStatus", "success_response", "order_info",
    "response_data",
}  # fmt: skip
# What says that something went wrong, what leads in circles, and fills.
_NOT_TOLD = re.compile(
    r"err|msg|message|reason|reject|code|fail|warning|^(success|rfq|fills|trades|fees?)$", re.I
)
# bitfinex answers in a list; bullish looks for this one among its accounts.
_GOOD_WORDS = {"6": "SUCCESS", "tradingAccountName": "Primary Account"}
_FIRST = 900_000_000_000


class Answer(dict):  # type: ignore[type-arg]
    """Whatever is looked for: a text that stands for its name, or more of the same.

    ``only``: the texts that there are, ``None`` for all; ``but``: without these. ``asked``: the
    names that were looked for, with what stands for each.
    """

    def __init__(self, only: Collection[str] | None = None, but: Collection[str] = ()) -> None:
        super().__init__()
        self.only, self.but = only, but
        self.asked: dict[str, str] = {}

    def __getitem__(self, key: Any) -> Any:
        if dict.__contains__(self, key):
            return dict.__getitem__(self, key)
        if isinstance(key, int | slice) or key in _WITHIN:
            return self
        return _Text(self.text([key], ""), self)

    def get(self, key: Any, default: Any = None) -> Any:
        """Like ``dict.get``."""
        return self[key] if key in self else default  # noqa: SIM401 (it would call itself)

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, key) or _NOT_TOLD.search(str(key)) is None

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Any:
        return iter([self])

    def __bool__(self) -> bool:
        return True

    def text(self, keys: Iterable[Any], default: Any = None) -> Any:
        """What stands for the first of ``keys`` that there is a text for; else ``default``."""
        found = default
        for key in reversed([*keys]):
            name = str(key)
            stands_for = self.ask(key)
            if dict.__contains__(self, key):
                found = dict.__getitem__(self, key)
            elif name in _GOOD_WORDS:
                found = _GOOD_WORDS[name]
            elif self._tells(name):
                found = stands_for
        return found

    def ask(self, key: Any) -> str:
        """Note that ``key`` was looked for; what would stand for it."""
        return self.asked.setdefault(str(key), str(_FIRST + len(self.asked)))

    def _tells(self, name: str) -> bool:
        if self.only is not None:
            return name in self.only
        return name not in self.but and _NOT_TOLD.search(name) is None

    def name_of(self, text: Any) -> str | None:
        """The name that a read text stands for; ``None``: it is of no answer."""
        found = re.search(r"9\d{11}", str(text))
        names = {stands_for: name for name, stands_for in self.asked.items()}
        return names.get(found.group()) if found else None

    def with_more(self, others: Iterable[Any]) -> "Answer":
        """The same with what is known besides, as ccxt's ``extend`` does."""
        made = Answer(self.only, self.but)
        made.asked = self.asked
        for other in others:
            if other is not None:
                made.update(dict.items(other))
        return made


class _Text(str):
    """A text that may turn out to be more than that, where a class takes it apart by hand."""

    def __new__(cls, text: str, answer: Answer) -> "_Text":
        made = super().__new__(cls, text)
        made.answer = answer  # type: ignore[attr-defined]
        return made

    def __getitem__(self, key: Any) -> Any:
        return self.answer[key] if isinstance(key, str) else str(self)[key]  # type: ignore[attr-defined]


def readers(base: type) -> dict[str, Any]:
    """The reading methods of ccxt's ``base`` class, which understand an ``Answer`` too."""
    names = [name for name in dir(base) if name.startswith("safe_") and _word(name) in _TELLS]
    return {name: _reader(base, name) for name in names} | {
        "extend": _extend(base),
        "omit": _omit(base),
        "to_array": _to_array(base),
    }


def _word(name: str) -> str:
    return name.split("_")[1]


def _flag(answer: Answer, keys: list[Any], default: Any) -> Any:
    return True if re.search("success|primary", str(keys[0]), re.I) else default


def _integer(answer: Answer, keys: list[Any], default: Any) -> Any:
    return NOW_MS * 2 if re.search("expir", str(keys[0]), re.I) else default


def _value(answer: Answer, keys: list[Any], default: Any) -> Any:
    inside = any(isinstance(key, int) or key in _WITHIN for key in keys)
    return answer if inside else answer.text(keys, default)


def _dict(answer: Answer, keys: list[Any], default: Any) -> Any:
    return default if _NOT_TOLD.search(str(keys[0])) else answer


def _list(answer: Answer, keys: list[Any], default: Any) -> Any:
    return default if _NOT_TOLD.search(str(keys[0])) else [answer]


def _nothing(answer: Answer, keys: list[Any], default: Any) -> Any:
    return default


_TELLS: dict[str, Callable[[Answer, list[Any], Any], Any]] = {
    "string": Answer.text,
    "dict": _dict,
    "list": _list,
    "value": _value,
    "number": _nothing,
    "integer": _integer,
    "float": _nothing,
    "bool": _flag,
    "timestamp": _nothing,
}


def _reader(base: type, name: str) -> Any:
    """``safe_…(what, key)``, ``safe_…_2(what, key, other)`` or ``safe_…_n(what, keys)``."""
    original, tells = getattr(base, name), _TELLS[_word(name)]
    is_static = isinstance(inspect.getattr_static(base, name), staticmethod)

    def read(self: Any, what: Any, *rest: Any, **named: Any) -> Any:
        given = [*rest, *named.values()]
        keys = _keys(name, given)
        answer = _answer_in(what, is_text=tells is Answer.text)
        if answer is not None:
            keys = keys if what is answer else [f"[{key}]" for key in keys]
            for key in keys:
                answer.ask(key)
            return tells(answer, keys, given[-1] if len(given) > _keys_of(name) else None)
        self.looked_for.update(map(str, keys))
        found = original(what, *given) if is_static else original(self, what, *given)
        return _held(what, keys, tells) if found is None else found

    return read


def _answer_in(what: Any, *, is_text: bool) -> Answer | None:
    """The answer that ``what`` is; of a list of answers, the one whose texts stand in a row."""
    if is_text and isinstance(what, list) and what and isinstance(what[0], Answer):
        return what[0]
    return what if isinstance(what, Answer) else None


def _held(what: Any, keys: list[Any], tells: Any) -> Any:
    """What ccxt's own reader passes over: a text taken out by hand, an answer that is a list."""
    held = [what.get(key) for key in keys] if isinstance(what, dict) else []
    if tells is _list:
        return next(([one] for one in held if isinstance(one, Answer)), None)
    texts = held if tells is Answer.text else []
    return next((str(text) for text in texts if isinstance(text, _Text)), None)


def _keys_of(name: str) -> int:
    return 2 if name.endswith("_2") else 1


def _keys(name: str, given: list[Any]) -> list[Any]:
    return list(given[0]) if name.endswith("_n") else given[: _keys_of(name)]


def _extend(base: type) -> Any:
    def extend(self: Any, *parts: Any) -> Any:
        answer = next((part for part in parts if isinstance(part, Answer)), None)
        return base.extend(*parts) if answer is None else answer.with_more(parts)  # type: ignore[attr-defined]

    return extend


def _omit(base: type) -> Any:
    def omit(self: Any, what: Any, *keys: Any) -> Any:
        return what if isinstance(what, Answer) else base.omit(what, *keys)  # type: ignore[attr-defined]

    return omit


def _to_array(base: type) -> Any:
    def to_array(self: Any, value: Any) -> Any:
        return [value] if isinstance(value, Answer) else base.to_array(value)  # type: ignore[attr-defined]

    return to_array
