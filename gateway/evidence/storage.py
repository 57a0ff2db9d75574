"""In which tables does an account's raw evidence lie?

``shared``: in the tables of all accounts. ``dedicated``: in tables of its own, named after the
account, which can be dumped, moved or archived by themselves. An account's storage never changes,
so its evidence is in one place; lists read all places as one (``gateway.api.raw_lists``).
"""

from collections.abc import Iterable
from functools import cache

from django.db import DatabaseError, connection, models

from accounts.models import Account
from accounts.words import RawStorage
from gateway.models import RawFunding, RawOrder, RawRow, RawTrade
from positions.outbox import turn

KINDS: tuple[type[RawRow], ...] = (RawOrder, RawTrade, RawFunding)

_made: set[str] = set()


def table_of(kind: type[RawRow], account_id: int, storage: RawStorage) -> type[RawRow]:
    """The model to write an account's rows with; its table is there from then on.

    Never called inside a transaction: MariaDB would commit it to make the table.
    """
    if storage is RawStorage.SHARED:
        return kind
    model = _dedicated(kind, account_id)
    _make(model)
    return model


def tables_of(kind: type[RawRow], account_ids: Iterable[int]) -> list[type[RawRow]]:
    """The models to read these accounts' rows with: the shared one, and those of their own."""
    asked = Account.objects.filter(pk__in=account_ids, raw_storage=RawStorage.DEDICATED)
    own = [_dedicated(kind, number) for number in asked.order_by("pk").values_list("pk", flat=True)]
    if unknown := {_name(model) for model in own} - _made:
        _made.update(unknown & _there())
    return [kind, *(model for model in own if _name(model) in _made)]


def forget() -> None:
    """Look again which tables there are."""
    _made.clear()


@cache
def _dedicated(kind: type[RawRow], account_id: int) -> type[RawRow]:
    """A model like ``kind``, with a table for one account.

    It is known only in processes that met the account, so no migration ever sees it.
    """
    name = f"{kind.__name__}{account_id}"
    word = kind.__name__.removeprefix("Raw").lower()
    options = {
        "app_label": kind._meta.app_label,
        "db_table": f"{kind._meta.db_table}_{account_id}",
        "verbose_name": kind._meta.verbose_name,
        "constraints": [
            models.UniqueConstraint(
                fields=["account", "fingerprint"], name=f"one_raw_{word}_{account_id}"
            )
        ],
        # SQLite's names of indexes are for the whole database.
        "indexes": [
            models.Index(fields=index.fields, name=f"raw_{word}_{account_id}_{place}")
            for place, index in enumerate(kind._meta.indexes)
        ],
    }
    meta = type("Meta", (), options)
    return type(name, (RawRow,), {"__module__": kind.__module__, "Meta": meta})


def _make(model: type[RawRow]) -> None:
    """Make the table unless it is there; another process may be doing the same."""
    if _name(model) in _made:
        return
    if _name(model) not in _there():
        try:
            with turn(), connection.schema_editor() as editor:
                editor.create_model(model)
        except DatabaseError:
            if _name(model) not in _there():
                raise
    _made.add(_name(model))


def _there() -> set[str]:
    return set(connection.introspection.table_names())


def _name(model: type[RawRow]) -> str:
    return model._meta.db_table
