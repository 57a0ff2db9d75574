"""What becomes of ``ccxt`` in a process, and when?

Nothing where ``CCXT_OMS_AUTOPATCH`` is off. ``safe`` adds ``ccxt.oms_exchange``; ``aggressive``
also puts the OMS in the place of the exchanges that ``CCXT_OMS_OVERRIDE_EXCHANGES`` names, in
``ccxt``, ``ccxt.async_support`` and ``ccxt.pro``. Modules are patched when they have been imported,
so a Python that never imports ccxt pays nothing. With ``CCXT_OMS_AUTOPATCH_MT5``, ``MetaTrader5``
is the driver's ``mt5``.
"""

import importlib
import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

VARIABLE = "CCXT_OMS_"
MODES = ("safe", "aggressive")
_MODULES = ("ccxt", "ccxt.async_support", "ccxt.pro")
_OFF = ("0", "off", "false", "no")
_META_TRADER = "MetaTrader5"


def apply(written: Mapping[str, str] | None = None) -> None:
    """Have ccxt patched once it is imported; ``written`` is what ``install`` was told.

    The environment has the last word.
    """
    for name, value in (written or {}).items():
        os.environ.setdefault(VARIABLE + name, value)
    if os.environ.get(f"{VARIABLE}AUTOPATCH", "1").lower() in _OFF:
        return
    if not any(isinstance(finder, _Watcher) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Watcher())
    for name in _MODULES:
        if name in sys.modules:
            patch(sys.modules[name])


def undo() -> None:
    """Take everything back that ``apply`` did in this process."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Watcher)]
    for name in _MODULES:
        module = sys.modules.get(name)
        for attribute, original in _patched.pop(name, {}).items():
            if original is None:
                delattr(module, attribute)
            else:
                setattr(module, attribute, original)


def patch(module: Any) -> None:
    """Patch one of ccxt's three modules."""
    if module.__name__ in _patched:
        return
    kept = _patched[module.__name__] = {}
    _put(module, kept, "oms_exchange", _maker(module.__name__))
    if os.environ.get(f"{VARIABLE}AUTOPATCH_MODE", "safe") != "aggressive":
        return
    names = os.environ.get(f"{VARIABLE}OVERRIDE_EXCHANGES", "").replace(",", " ").split()
    for name in names:
        if hasattr(module, name):
            _put(module, kept, name, _replacement(module.__name__, name))


_patched: dict[str, dict[str, Any]] = {}


def _put(module: Any, kept: dict[str, Any], name: str, value: Any) -> None:
    kept[name] = getattr(module, name, None)
    setattr(module, name, value)


def _kind(module: str) -> type:
    """The driver's class for one of ccxt's modules; imported late, since it imports ccxt."""
    if module == "ccxt":
        from ccxt_driver.exchange import OmsCcxtExchange

        return OmsCcxtExchange
    if module == "ccxt.async_support":
        from ccxt_driver.async_support import OmsCcxtExchange as AsyncOmsCcxtExchange

        return AsyncOmsCcxtExchange
    from ccxt_driver.pro import OmsCcxtProExchange

    return OmsCcxtProExchange


def _maker(module: str) -> Any:
    def oms_exchange(config: Mapping[str, Any] | None = None, **given: Any) -> Any:
        """An exchange of the OMS; what is not given comes from ``CCXT_OMS_*``."""
        return _kind(module)(config, **given)

    return oms_exchange


def _replacement(module: str, name: str) -> type:
    """A class that is constructed as the exchange ``name`` is, and is the OMS's account.

    A bot's own key and secret are for the exchange; the OMS's key comes from the environment.
    """
    variables = {
        "api_key": os.environ.get(f"{VARIABLE}API_KEY"),
        "account_id": os.environ.get(f"{VARIABLE}ACCOUNT_ID"),
        "strategy_id": os.environ.get(f"{VARIABLE}STRATEGY_ID"),
        "base_url": os.environ.get(f"{VARIABLE}BASE_URL"),
        "exchange_id": name,
    }
    ours = {word: value for word, value in variables.items() if value}

    def init(self: Any, config: Mapping[str, Any] | None = None, **given: Any) -> None:
        rest = {word: value for word, value in (config or {}).items()
                if word not in ("apiKey", "secret", "password", "uid", "urls")}  # fmt: skip
        _kind(module).__init__(self, rest, **given, **ours)

    return type(name, (_kind(module),), {"__init__": init, "__module__": f"{module}.{name}"})


@contextmanager
def _as_it_was() -> Iterator[None]:
    """ccxt without the replacements: ``ccxt.pro`` derives its classes from ``async_support``'s."""
    changed = []
    for name, kept in _patched.items():
        for attribute, original in kept.items():
            if original is not None:
                module = sys.modules[name]
                changed.append((module, attribute, getattr(module, attribute)))
                setattr(module, attribute, original)
    try:
        yield
    finally:
        for module, attribute, value in changed:
            setattr(module, attribute, value)


class _Watcher(importlib.abc.MetaPathFinder):
    """Patches ccxt's modules as soon as they have been executed."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """Only for the three names; the finding itself is done by whoever else is asked."""
        if fullname == _META_TRADER and _serves_mt5():
            return importlib.machinery.ModuleSpec(fullname, _Facade())
        if fullname not in _MODULES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


def _serves_mt5() -> bool:
    return os.environ.get(f"{VARIABLE}AUTOPATCH_MT5", "0").lower() not in _OFF


class _Facade(importlib.abc.Loader):
    """``import MetaTrader5`` gives the driver's module of the same calls."""

    def create_module(self, spec: Any) -> None:
        """An ordinary one, which is not kept."""

    def exec_module(self, module: Any) -> None:
        """The façade stands under that name."""
        sys.modules[module.__name__] = importlib.import_module("ccxt_driver.mt5")


class _Loader(importlib.abc.Loader):
    """Another loader's work, and the patch after it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def create_module(self, spec: Any) -> Any:
        """As the other loader does."""
        return self._inner.create_module(spec)

    def exec_module(self, module: Any) -> None:
        """Run the module, then patch it."""
        with _as_it_was():
            self._inner.exec_module(module)
        patch(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)
