"""What may a back office see of the gateway? Evidence and markets, never changed by hand."""

from django.contrib import admin
from django.core.paginator import Paginator
from django.utils.functional import cached_property

from gateway.models import Catalogue, LastPrice, Market, RawOrder, RawTrade, ReconcileRun


class UncountedPaginator(Paginator):
    """Pages without ``count(*)``, which takes seconds on millions of raw rows."""

    MOST = 100_000

    @cached_property
    def count(self) -> int:
        """As many as may be browsed; the last page may be empty."""
        return self.MOST


class ReadOnlyAdmin(admin.ModelAdmin):
    """Look, filter by indexed columns, do not touch."""

    paginator = UncountedPaginator
    show_full_result_count = False
    list_per_page = 50
    actions = None

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


class RawAdmin(ReadOnlyAdmin):
    """Raw evidence, newest first."""

    list_display = (
        "id",
        "account",
        "symbol",
        "exchange_order_id",
        "client_order_id",
        "observed_at",
    )
    list_select_related = ("account",)
    list_filter = (("account", admin.RelatedOnlyFieldListFilter),)
    ordering = ("-id",)


@admin.register(RawOrder)
class RawOrderAdmin(RawAdmin):
    """Orders as exchanges described them."""

    search_fields = ("=exchange_order_id", "=client_order_id")


@admin.register(RawTrade)
class RawTradeAdmin(RawAdmin):
    """Fills as exchanges described them."""

    list_display = (*RawAdmin.list_display, "exchange_trade_id")
    search_fields = ("=exchange_order_id", "=exchange_trade_id")


@admin.register(Catalogue)
class CatalogueAdmin(ReadOnlyAdmin):
    """Lists of markets and their age."""

    list_display = ("exchange_key", "loaded_at")


@admin.register(Market)
class MarketAdmin(ReadOnlyAdmin):
    """What each market accepts."""

    list_display = ("symbol", "catalogue", "rules")
    list_select_related = ("catalogue",)
    list_filter = ("catalogue",)
    search_fields = ("symbol",)


@admin.register(LastPrice)
class LastPriceAdmin(ReadOnlyAdmin):
    """Last prices."""

    list_display = ("symbol", "price", "at", "exchange_key")
    search_fields = ("=symbol",)


@admin.register(ReconcileRun)
class ReconcileRunAdmin(ReadOnlyAdmin):
    """Reconciliations: how far, and what they found."""

    list_display = (
        "id",
        "account",
        "scope",
        "state",
        "progress",
        "brought_in",
        "compared",
        "requested_by",
        "started_at",
        "finished_at",
    )
    list_select_related = ("account", "requested_by")
    list_filter = (("account", admin.RelatedOnlyFieldListFilter), "scope", "state")
    ordering = ("-id",)

    @admin.display(description="progress")
    def progress(self, run: ReconcileRun) -> str:
        """What it is busy with, or where it failed."""
        return f"{run.phase} {run.done} of {run.total}" if run.phase else ""

    @admin.display(description="brought in")
    def brought_in(self, run: ReconcileRun) -> str:
        """The counts that are not zero."""
        counts = {name: run.found.get(name) for name in ("orders", "trades", "fundings")}
        return ", ".join(f"{number} {name}" for name, number in counts.items() if number)

    @admin.display(description="positions, balances")
    def compared(self, run: ReconcileRun) -> str:
        """How each comparison ended."""
        sides = (run.found.get(name) for name in ("positions", "balances"))
        return ", ".join(side["answer"] for side in sides if side)
