"""What may the back office see of orders, deals and positions? Everything, and change nothing.

Whatever moves here moves by a command, so there is no add, change, delete or bulk action. Only a
case can be decided: by a service, like everywhere.
"""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from accounts.backoffice.acting import ActingAdmin
from accounts.backoffice.lists import CappedPaginator, Unchangeable
from accounts.backoffice.site import actor_in
from positions import rows
from positions.admin_forms import DecisionForm
from positions.engine.types import CaseAction, CaseState
from positions.fields import ExactDecimalField
from positions.models import (
    Case,
    Command,
    Deal,
    Dust,
    Event,
    Execution,
    JournalEntry,
    Order,
    Position,
    Transfer,
    Trigger,
)
from positions.services.decide_case import Decision, decide

_BY_ACCOUNT = ("account", admin.RelatedOnlyFieldListFilter)


def readable(name: str) -> Any:
    """A column showing a decimal plainly or a time in UTC to the microsecond."""

    @admin.display(description=name.replace("_", " "))
    def column(self: admin.ModelAdmin, row: Model) -> str | None:
        value = getattr(row, name)
        return rows.decimal_text(value) if isinstance(value, Decimal) else rows.time_text(value)

    return column


class ReadOnly(Unchangeable, admin.ModelAdmin):
    """Look, filter and search by what is indexed; newest first.

    Decimals and times are shown as the API writes them.
    """

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_select_related = ("account",)
    actions = None
    ordering = ("-id",)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return [
            f"{field.name}_text" if self._is_text(field.name) else field.name
            for field in self.model._meta.concrete_fields
            if not field.generated
        ]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        return self.get_readonly_fields(request, obj)

    def _is_text(self, name: str) -> bool:
        return hasattr(self, f"{name}_text")


def shows(model: type[Model]) -> Any:
    """Register an admin class for ``model``, with a readable column for each decimal and time."""

    def register(kind: type[admin.ModelAdmin]) -> type[admin.ModelAdmin]:
        for field in model._meta.concrete_fields:
            is_time = field.get_internal_type() == "DateTimeField"
            if is_time or isinstance(field, ExactDecimalField):
                setattr(kind, f"{field.name}_text", readable(field.name))
        return admin.register(model)(kind)

    return register


@shows(Order)
class Orders(ReadOnly):
    """Intents and their life at the exchange."""

    list_display = (
        "id",
        "status",
        "symbol",
        "side",
        "order_type",
        "qty_text",
        "price_text",
        "filled_qty_text",
        "strategy_id",
        "account",
        "created_at_text",
    )
    list_filter = (_BY_ACCOUNT, "is_open")
    search_fields = ("=id", "=exchange_client_order_id")


@shows(Position)
class Positions(ReadOnly):
    """Exposure tracked from deals."""

    list_display = (
        "id",
        "state",
        "symbol",
        "side",
        "qty_text",
        "avg_price_text",
        "profit_text",
        "strategy_id",
        "account",
        "opened_at_text",
        "closed_at_text",
    )
    list_filter = (_BY_ACCOUNT, "state")
    search_fields = ("=id",)


@shows(Deal)
class Deals(ReadOnly):
    """Bookings of executions to positions."""

    list_display = (
        "id",
        "booking_no",
        "account",
        "symbol",
        "side",
        "qty_text",
        "price_text",
        "entry",
        "profit_text",
        "position_id",
        "order_id",
        "executed_at_text",
    )
    list_filter = (_BY_ACCOUNT,)
    search_fields = ("=id", "=order__id", "=position__id")


@shows(Execution)
class Executions(ReadOnly):
    """What the exchange did, each chained to the one before."""

    list_display = (
        "id",
        "number",
        "account",
        "symbol",
        "side",
        "qty_text",
        "price_text",
        "exchange_trade_id",
        "order_id",
        "executed_at_text",
    )
    list_filter = (_BY_ACCOUNT,)
    search_fields = ("=id", "=order__id")


@shows(JournalEntry)
class JournalEntries(ReadOnly):
    """Bookings that are no execution: close-bys, merges, dust, funding, reassigns."""

    list_display = ("id", "booking_no", "account", "kind", "facts", "created_at_text")
    list_filter = (_BY_ACCOUNT, "kind")
    search_fields = ("=id",)


@shows(Case)
class Cases(ActingAdmin):
    """Differences that somebody has to look at, and what was decided."""

    list_display = (
        "id",
        "state",
        "kind",
        "subject",
        "proposal",
        "account",
        "owner",
        "opened_at_text",
        "resolved_at_text",
    )
    list_select_related = ("account", "owner")
    list_filter = (_BY_ACCOUNT, "state", "kind")
    search_fields = ("=id",)
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def form_of(self, request: HttpRequest, row: Case) -> DecisionForm | None:
        is_open = row.state == CaseState.OPEN
        return DecisionForm(request.POST or None, row) if is_open else None

    def facts_of(self, row: Case) -> dict[str, Any]:
        """All that is known, facts one by one."""
        shown = rows.case_row(row)
        facts, hidden = shown.pop("facts"), ("action", "actions", "id", "account_id")
        known = {name: value for name, value in shown.items() if name not in hidden}
        return {"account": row.account} | {
            name.replace("_", " "): value
            for name, value in (known | facts).items()
            if value not in (None, "")
        }

    def act(self, request: HttpRequest, row: Case, form: DecisionForm) -> str:
        """Decided, or noted."""
        facts = form.cleaned_data
        wish = Decision(
            CaseAction(facts["action"]),
            facts["comment"],
            facts.get("price"),
            facts.get("exchange_order_id") or None,
        )
        found = decide(row.pk, wish, actor_in(request))
        return "Noted." if found["state"] == CaseState.OPEN else "Resolved."


@shows(Trigger)
class Triggers(ReadOnly):
    """The stops and take-profits of open positions, and who watches each."""

    list_display = (
        "id",
        "state",
        "role",
        "symbol",
        "side",
        "price_text",
        "position_id",
        "leg_id",
        "failures",
        "account",
        "reached_at_text",
        "updated_at_text",
    )
    list_filter = (_BY_ACCOUNT, "state")
    search_fields = ("=id",)


@shows(Event)
class Events(ReadOnly):
    """The log of each account."""

    list_display = ("id", "account", "seq", "event", "namespace", "strategy_id", "created_at_text")
    list_filter = (_BY_ACCOUNT,)
    search_fields = ("=id",)


@shows(Command)
class Commands(ReadOnly):
    """What was asked, by whom, and what became of it."""

    list_display = ("id", "account", "user", "kind", "status", "request_id", "created_at_text")
    list_select_related = ("account", "user")
    list_filter = (_BY_ACCOUNT, "status")
    search_fields = ("=id",)


@shows(Dust)
class DustRecords(ReadOnly):
    """What accounts hold outside their positions."""

    list_display = ("id", "account", "currency", "qty_text")
    list_filter = (_BY_ACCOUNT,)
    search_fields = ("=id",)


@shows(Transfer)
class Transfers(ReadOnly):
    """Money that came or went without a trade, as cases were decided."""

    list_display = ("id", "account", "currency", "amount_text", "case", "created_at_text")
    list_select_related = ("account", "case")
    list_filter = (_BY_ACCOUNT,)
    search_fields = ("=id",)
