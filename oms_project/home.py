"""What does a person see who opens the address in a browser?"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from oms_project.errors import MethodNotAllowed
from oms_project.problems import page


def index(request: HttpRequest) -> HttpResponse:
    """Where the parts are."""
    if request.method not in ("GET", "HEAD"):
        return page(request, MethodNotAllowed())
    return render(request, "oms_project/home.html")
