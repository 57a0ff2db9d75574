"""What every answer has in common, whatever was asked and whatever broke."""

import logging

import pytest
from django.test import Client

from accounts.tests import builders
from oms_project.answers.headers import STRICT, answered
from oms_project.answers.json_text import JsonRenderer, encoded
from oms_project.errors import MalformedJson
from oms_project.parsers import read_json
from tests.doors.conftest import ask

ANY_PLACE = ['{"a": "\\ud800"}', '["\\udfff"]', '{"\\uDABC": 1}', '{"a": [{"b": "x\\ud83d"}]}',
             '"\\ude00\\ud83d"']  # fmt: skip
RAW = [b'{"a": "\xed\xa0\x80"}', b'"\xff"', '"x"'.encode("utf-16"), b'"\xc0\x80"']
ACCEPTS = ["text/csv", "text/plain", "application/xml", "", ";;;", "image/*;q=0"]


@pytest.mark.parametrize("body", [*(text.encode() for text in ANY_PLACE), *RAW])
def test_a_text_that_is_none_is_malformed_wherever_it_stands(body):
    with pytest.raises(MalformedJson):
        read_json(body)


def test_a_whole_pair_is_a_character_like_any_other():
    assert read_json(b'{"a": "\\ud83d\\ude00"}') == {"a": "\N{GRINNING FACE}"}


def test_half_a_pair_that_an_exchange_said_leaves_as_its_escape():
    said = {"info": "\ud800 and \N{SNOWMAN}"}

    assert b"\\ud800" in JsonRenderer().render(said)
    assert encoded('{"info": "\ud800"}') == b'{"info": "\\ud800"}'


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/auth/login-password", "/user/profile", "/strategies"])
def test_such_a_text_is_refused_at_every_address(path):
    key = builders.key(builders.user()).plain
    body = b'{"user_name": "\\ud800", "password": "x", "first_name": "\\udc00", "name": "\\udc00"}'
    client = Client(headers={"x-api-key": key})
    method = client.patch if path == "/user/profile" else client.post

    answer = method(path, body, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


@pytest.mark.django_db
@pytest.mark.parametrize("accept", ACCEPTS)
def test_who_wants_no_json_gets_it_all_the_same(accept):
    key = builders.key(builders.user()).plain
    client = Client(headers={"x-api-key": key, "accept": accept})

    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz?format=csv").status_code in (200, 503)
    assert client.get("/user/profile").json()["user_name"] == "alice"
    assert client.get("/nowhere").json()["code"] == "not_found"


async def test_what_breaks_before_it_answers_is_one_line_with_the_requests_id(caplog):
    async def broken(scope, receive, send):
        raise RuntimeError("it broke")

    async def app(scope, receive, send):
        await answered(broken, scope, receive, send)

    with caplog.at_level(logging.ERROR):
        answer = await ask(app, "GET", "/x", x_request_id="mine-1")

    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert answer.json["request_id"] == answer.headers["x-request-id"] == "mine-1"
    assert [record.getMessage() for record in caplog.records] == ["internal_error"]


def test_an_answer_that_cannot_be_written_is_logged_too(caplog, settings, monkeypatch):
    def unwritable(*_facts):
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    monkeypatch.setattr("oms_project.answers.json_text.JsonRenderer.render", unwritable)
    client = Client(raise_request_exception=False)

    answer = client.get("/healthz", headers={"x-request-id": "mine-2"})

    assert (answer.status_code, answer.json()["request_id"]) == (500, "mine-2")
    assert [record.getMessage() for record in caplog.records] == ["internal_error"]


def test_a_log_line_names_its_request(capsys):
    from oms_project.answers.request_ids import add_request_id, working_on

    with working_on("mine-3"):
        inside = add_request_id(None, "error", {"event": "x"})

    assert inside == {"event": "x", "request_id": "mine-3"}
    assert add_request_id(None, "error", {"event": "x"}) == {"event": "x"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/healthz"), ("GET", "/nowhere"), ("POST", "/oms/commands"),
     ("POST", "/ccxt/1/fetchTicker"), ("GET", "/admin/login/")],
)  # fmt: skip
async def test_every_address_tells_browsers_to_keep_to_what_is_ours(port, settings, method, path):
    settings.OMS_HSTS_S = 3600

    answer = await port(method, path)

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith(STRICT)
    assert answer.headers["strict-transport-security"] == "max-age=3600"


async def test_browsers_are_held_to_tls_by_setting_only(port):
    assert "strict-transport-security" not in (await port("GET", "/healthz")).headers
