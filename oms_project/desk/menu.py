"""Which pages are there, who sees them in the menu, and where does each role begin?"""

from dataclasses import dataclass, field
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from accounts.words import Role
from oms_project.desk import monitor, trade
from oms_project.desk.pages import Page

PAGES: tuple[Page, ...] = (*trade.PAGES, *monitor.PAGES)

CHAPTERS = {
    "trade": _("Trade"),
    "monitor": _("Monitor"),
    "post": _("Post trading"),
    "risk": _("Risk"),
    "system": _("System"),
    "reports": _("Reports"),
}
ROLES = {
    Role.ADMIN: _("admin"),
    Role.TRADER: _("trader"),
    Role.PORTFOLIO_MANAGER: _("portfolio manager"),
    Role.ROBOT: _("robot"),
    Role.RISK: _("risk manager"),
    Role.READONLY: _("reader"),
}
# The first that there is and that the role sees.
STARTS = {
    Role.TRADER: ("trade", "positions"),
    Role.PORTFOLIO_MANAGER: ("trade", "positions"),
    Role.ROBOT: ("positions",),
    Role.RISK: ("risk", "positions"),
    Role.READONLY: ("positions",),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the menu; ``name`` is what its keys are kept under."""

    name: str
    title: Any
    url: str
    icon: str
    keys: str = ""
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class Chapter:
    """Lines under a heading."""

    title: Any
    entries: list[Entry] = field(default_factory=list)


def menu_for(role: str, here: str) -> list[Chapter]:
    """The chapters that a role sees; ``here`` is the path that is open."""
    chapters = []
    for name, title in CHAPTERS.items():
        entries = [
            Entry(page.name, page.title, page.url, page.icon, page.keys, page.url == here)
            for page in PAGES
            if page.chapter == name and role in page.roles
        ]
        if entries:
            chapters.append(Chapter(title, entries))
    if role == Role.ADMIN:
        office = reverse("admin:index")
        title = _("Back office")
        entry = Entry("office", title, office, "office", "g b", office == here)
        chapters.append(Chapter(title, [entry]))
    return chapters


def start_of(role: str) -> str:
    """The address that a role begins at."""
    if role == Role.ADMIN:
        return reverse("admin:index")
    for name in STARTS[Role(role)]:
        try:
            return reverse(f"desk:{name}")
        except NoReverseMatch:
            continue
    return reverse("home")
