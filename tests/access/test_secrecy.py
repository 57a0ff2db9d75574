"""Secrets leave no trace in log lines and tracebacks."""

import json
import logging
import logging.config
from io import StringIO

import pytest
from django.test import RequestFactory
from django.views.debug import get_exception_reporter_class

from accounts import services
from accounts.audit import OPERATOR
from accounts.credentials import login_of
from accounts.tests import builders
from oms_project.secrecy import MASK, hide, scrubbed
from oms_project.watching.logs import logging_for

CANARY = "canary<5b0c>&'\"secret"


def line_of(as_json, log):
    """What one call to a logger writes."""
    settings = logging_for(level="DEBUG", as_json=as_json, secrets=[])
    formatter = logging.config.DictConfigurator(settings).configure_formatter(
        settings["formatters"]["line"]
    )
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.getLogger("tests.secrecy")
    logger.addHandler(handler)
    try:
        log(logger)
    finally:
        logger.removeHandler(handler)
    return stream.getvalue()


def fail(logger):
    try:
        raise ValueError(f"the exchange said {CANARY}")
    except ValueError as error:
        raise RuntimeError("and so") from error


def log_a_traceback(logger):
    try:
        fail(logger)
    except RuntimeError:
        logger.exception("failed", extra={"login": CANARY, "account_id": 7})


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    "log",
    [
        lambda logger: logger.error("with %s in it", CANARY),
        lambda logger: logger.error("facts", extra={"login": {"deep": [CANARY]}}),
        log_a_traceback,
    ],
    ids=["message", "facts", "traceback"],
)
def test_a_known_secret_is_in_no_line(as_json, log):
    hide(CANARY)

    line = line_of(as_json, log)

    assert "5b0c" not in line
    assert MASK in line


def test_a_json_line_stays_json():
    line = line_of(
        True, lambda logger: logger.error('sent {"secret": "q w", "x": 1}', extra={"otp": "123456"})
    )

    facts = json.loads(line)
    assert facts["event"] == 'sent {"secret": "…", "x": 1}'
    assert facts["otp"] == "…"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("GET /order?signature=0a1b&side=BUY", "GET /order?signature=…&side=BUY"),
        ("{'apiKey': 'abc', 'side': 'buy'}", "{'apiKey': '…', 'side': 'buy'}"),
        ('headers {"X-MBX-APIKEY": "abc"}', 'headers {"X-MBX-APIKEY": "…"}'),
        ("Authorization: Bearer abc.def", "Authorization: …"),
        ("password=hunter2, user=al", "password=…, user=al"),
        ("cxp_abcd1234_" + "x" * 43, "cxp_abcd1234_…"),
        ("tok_" + "x" * 43, "tok_…"),
        ("api_key_id=5 key.refused", "api_key_id=5 key.refused"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text, clean):
    assert scrubbed(text) == clean


@pytest.mark.django_db
def test_a_login_is_hidden_from_when_it_is_set_and_read(settings):
    settings.EXCHANGE_IDS = "accounts.tests.builders.exchange_ids"
    account = builders.account()
    services.upsert_credentials(
        account=account, api_key="public-part-1", secret="secret-part-1", by=OPERATOR
    )

    assert scrubbed("public-part-1 secret-part-1") == "… …"
    assert login_of(account).secret == "secret-part-1"


def test_the_debug_page_shows_no_secret(settings):
    settings.DEBUG = True
    hide(CANARY)
    login = {"inside": CANARY}
    try:
        raise ValueError(login)
    except ValueError as error:
        facts = (type(error), error, error.__traceback__)
    request = RequestFactory().get("/", {"q": CANARY})

    reporter = get_exception_reporter_class(request)(request, *facts)

    assert "ValueError" in reporter.get_traceback_html()
    for page in (reporter.get_traceback_html(), reporter.get_traceback_text()):
        assert "5b0c" not in page
