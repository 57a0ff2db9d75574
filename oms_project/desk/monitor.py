"""What is open, and what was? The pages of the chapter Monitor."""

from django.utils.translation import gettext_lazy as _

from oms_project.desk.pages import Page

_LIST = "desk/list.html"

PAGES = (
    Page("positions", "positions/", _("Positions"), "monitor", "layers", keys="g p"),
    Page("orders", "orders/", _("Open orders"), "monitor", "list", keys="g o", template=_LIST),
    Page("deals", "deals/", _("Deals"), "monitor", "deals", keys="g d", template=_LIST),
    Page(
        "positions-history",
        "positions/history/",
        _("Closed positions"),
        "monitor",
        "past",
        keys="g i",
        template=_LIST,
    ),
    Page(
        "orders-history",
        "orders/history/",
        _("Order history"),
        "monitor",
        "clock",
        keys="g h",
        template=_LIST,
    ),
    Page("symbols", "symbols/", _("Symbols"), "monitor", "symbols", keys="g y", template=_LIST),
)
