"""Chart, book and ticket. The pages of the chapter Trade."""

from django.utils.translation import gettext_lazy as _

from accounts.words import Role
from oms_project.desk.pages import TRADERS, Page

# An admin looks as far as their key reads; the ticket is there for those whose key may trade.
PAGES: tuple[Page, ...] = (
    Page("trade", "trade/", _("Trade"), "trade", "trade", roles=TRADERS | {Role.ADMIN}, keys="g t"),
)
