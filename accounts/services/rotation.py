"""Is every stored secret encrypted with the newest key?

Rows are rewritten one by one, each by a conditional update, so that nothing is locked, a login that
somebody sets meanwhile is never overwritten by its predecessor, and a run that was cut short is
simply started again: what has the newest key already is left alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.apps import apps
from django.db import models
from django.db.models import BinaryField, ExpressionWrapper, F
from django.utils.encoding import force_bytes

from accounts import audit
from accounts.audit import Actor
from accounts.fields import KeyRing, SecretField, SecretUnreadable

BATCH = 200


@dataclass(slots=True)
class Tally:
    """How many stored secrets there are, and what became of them."""

    newest: int = 0
    rewritten: int = 0
    # Whose key is not in CREDENTIALS_KEYS any more.
    unreadable: int = 0
    # Written by somebody else between look and update; the next run looks at them again.
    changed_meanwhile: int = 0

    @property
    def seen(self) -> int:
        return self.newest + self.rewritten + self.unreadable + self.changed_meanwhile

    def as_facts(self) -> dict[str, int]:
        """For the answer and the audit trail."""
        return {
            "newest": self.newest,
            "rewritten": self.rewritten,
            "unreadable": self.unreadable,
            "changed_meanwhile": self.changed_meanwhile,
        }


def stored_secrets() -> int:
    """How many secrets are stored, in all columns."""
    return sum(_rows(model, name).count() for model, name in _columns())


def rotate(
    *, by: Actor, on_progress: Callable[[Tally], None] = lambda tally: None, only_look: bool = False
) -> Tally:
    """Every secret that any key opens is encrypted with the newest; ``only_look`` counts them.

    ``on_progress`` is called after each batch. Columns of all apps that hold secrets are found.
    """
    tally, ring = Tally(), KeyRing()
    for model, name in _columns():
        for batch in _batches(model, name):
            for pk, token in batch:
                _rotate_one(model, name, pk, token, ring, tally, only_look=only_look)
            on_progress(tally)
    if tally.rewritten and not only_look:
        audit.record(
            by=by,
            action="credentials_key_rotated",
            object_type="installation",
            object_id=0,
            after=tally.as_facts(),
        )
    return tally


def _columns() -> list[tuple[type[models.Model], str]]:
    return [
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, SecretField)
    ]


def _rows(model: type[models.Model], name: str) -> models.QuerySet[models.Model]:
    """Rows with the cipher text as it is stored, in ``stored``."""
    cipher_text = ExpressionWrapper(F(name), output_field=BinaryField())
    rows = model._base_manager.filter(**{f"{name}__isnull": False})
    return rows.annotate(stored=cipher_text)


def _batches(model: type[models.Model], name: str) -> Iterator[list[tuple[int, bytes]]]:
    last = 0
    while True:
        rows = _rows(model, name).filter(pk__gt=last).order_by("pk")
        batch = list(rows.values_list("pk", "stored")[:BATCH])
        if not batch:
            return
        yield [(pk, force_bytes(token)) for pk, token in batch]
        last = batch[-1][0]


def _rotate_one(
    model: type[models.Model],
    name: str,
    pk: int,
    token: bytes,
    ring: KeyRing,
    tally: Tally,
    *,
    only_look: bool,
) -> None:
    if ring.is_newest(token):
        tally.newest += 1
        return
    try:
        plain = ring.decrypt(token).decode()
    except SecretUnreadable:
        tally.unreadable += 1
        return
    unchanged = _rows(model, name).filter(pk=pk, stored=token)
    if only_look or unchanged.update(**{name: plain}):
        tally.rewritten += 1
    else:
        tally.changed_meanwhile += 1
