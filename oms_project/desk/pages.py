"""What is a page, who may open it, and how is it answered?"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe

from accounts.callers import second_factor
from accounts.words import Role

EVERYBODY = frozenset(Role)
TRADERS = frozenset({Role.TRADER, Role.PORTFOLIO_MANAGER})

View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class Page:
    """One page below ``/admin/``.

    ``template`` and ``script`` (a module below ``static/``) default to those of its name. ``keys``
    are the two that lead to it. ``roles`` see it in their menu; to others it answers 403.
    """

    name: str
    route: str
    title: Any
    chapter: str
    icon: str
    roles: frozenset[Role] = EVERYBODY
    keys: str = ""
    template: str = ""
    script: str = ""
    view: View | None = field(default=None, compare=False)

    @property
    def url(self) -> str:
        """Its address."""
        return reverse(f"desk:{self.name}")


def for_people(view: View, roles: frozenset[Role] = EVERYBODY) -> View:
    """The view for whoever is logged in with one of the roles and the second factor it needs."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        if second_factor.lacks_required(request.user):
            return HttpResponseRedirect(reverse("admin:two_factor"))
        if request.user.role not in roles:
            raise PermissionDenied
        response = view(request, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    return guarded


def addresses(pages: Iterable[Page]) -> list[Any]:
    """The pages' places in the URL table."""
    return [path(each.route, for_people(_view_of(each), each.roles), name=each.name)
            for each in pages]  # fmt: skip


def _view_of(page: Page) -> View:
    @require_safe
    def shown(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if page.view is not None:
            return page.view(request, **kwargs)
        return answered(request, page)

    return shown


def answered(
    request: HttpRequest, page: Page, context: dict[str, Any] | None = None
) -> HttpResponse:
    """The page's template with its facts; ``context`` is what the page adds."""
    template = page.template or f"desk/{page.name}.html"
    script = page.script or f"desk/{page.chapter}/{page.name}.js"
    return render(request, template, {"page": page, "script": script, **(context or {})})
