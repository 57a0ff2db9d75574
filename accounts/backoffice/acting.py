"""Pages of the admin site whose form is an act: carried out by a service, never by saving a row."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.backoffice.lists import CappedPaginator
from accounts.words import LONGEST_COMMENT
from oms_project.errors import OmsError


class ActForm(forms.Form):
    """An act and why."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["comment"] = forms.CharField(
            max_length=LONGEST_COMMENT, help_text="Why; kept in the audit trail."
        )


class ActingAdmin(admin.ModelAdmin):
    """A list, and pages whose form is carried out by a service.

    Each page has three methods: ``form_of`` gives the form of a row's page (of the page for a new
    one where the row is None; None: there is nothing to do), ``facts_of`` what the page shows of a
    row, and ``act`` does what a valid form says and returns the sentence to show.

    The form's view is not wrapped in a transaction: a kill switch must be committed at once.
    """

    form_of: Callable[[HttpRequest, Any], ActForm | None]
    facts_of: Callable[[Any], dict[str, Any]]
    act: Callable[[HttpRequest, Any, Any], str]

    button = "Carry out"
    actions = None
    paginator = CappedPaginator
    show_full_result_count = False
    ordering: tuple[str, ...] = ("-id",)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self._page(request, None)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return self._page(request, row)

    def _page(self, request: HttpRequest, row: Any) -> HttpResponse:
        allowed = (
            self.has_add_permission(request)
            if row is None
            else self.has_change_permission(request, row)
        )
        if not allowed:
            raise PermissionDenied
        form = self.form_of(request, row)
        if request.method == "POST" and form is not None and form.is_valid():
            try:
                messages.success(request, self.act(request, row, form))
            except OmsError as refusal:
                form.add_error(None, refusal.message)
            else:
                name = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
                return HttpResponseRedirect(reverse(name))
        return TemplateResponse(
            request,
            "admin/acts/act.html",
            {
                **self.admin_site.each_context(request),
                "title": str(row) if row else f"New {self.opts.verbose_name}",
                "opts": self.opts,
                "form": form,
                "facts": self.facts_of(row).items() if row else (),
                "button": self.button,
            },
        )
