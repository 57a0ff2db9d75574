"""What does a person see who opens the address in a browser?"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def index(request: HttpRequest) -> HttpResponse:
    """Where the parts are."""
    return render(request, "oms_project/home.html")
