"""What does a traceback show of secrets? Nothing, on Django's debug page either."""

from django.views.debug import ExceptionReporter

from oms_project.secrecy import scrubbed


class ScrubbedReporter(ExceptionReporter):
    """Django's report of an exception, scrubbed; named in settings."""

    def get_traceback_html(self) -> str:
        return scrubbed(super().get_traceback_html())

    def get_traceback_text(self) -> str:
        return scrubbed(super().get_traceback_text())
