"""Addresses of the screens, below ``/admin/`` and before those of the back office."""

from django.urls import path

from oms_project.desk import data, languages, session
from oms_project.desk.menu import PAGES
from oms_project.desk.pages import addresses, for_people

app_name = "desk"
urlpatterns = [
    path("start/", for_people(session.start), name="start"),
    path("session/key/", for_people(session.choose_key), name="choose-key"),
    path("session/language/", for_people(session.choose_language), name="choose-language"),
    path("words/<str:language>.js", languages.words, name="words"),
    *addresses(PAGES),
    *data.addresses(),
    path("data/<path:address>", data.missing),
]
