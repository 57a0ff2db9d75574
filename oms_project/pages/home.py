"""What does a person see who opens the address, or the page of the API, in a browser?

No style and no script stands in these pages: the policy of ``oms_project.answers.headers`` lets
browsers take them from files of ours only.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from oms_project.errors import MethodNotAllowed
from oms_project.problems import page


@csrf_exempt
def index(request: HttpRequest) -> HttpResponse:
    """Where the parts are."""
    return _shown(request, "oms_project/home.html")


@csrf_exempt
def docs(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document to read and to try."""
    return _shown(request, "oms_project/docs.html")


def _shown(request: HttpRequest, template: str) -> HttpResponse:
    if request.method not in ("GET", "HEAD"):
        return page(request, MethodNotAllowed())
    return render(request, template)
