"""Do the files of a deployment hold together? No container engine is needed to tell."""

import configparser
import json
import os
import re
import subprocess
import sys

import compose_spec
import pytest
from django.core.exceptions import ImproperlyConfigured
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from oms_project.environment import Environment
from tests.deployed import ROOT, composition, services

OURS = ("web", "worker", "beat", "migrate")
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))


def unit(path):
    """A unit file; a key that stands several times keeps all its values, one a line."""
    read = configparser.RawConfigParser(strict=False, delimiters=("=",), dict_type=_Repeating)
    read.optionxform = str
    read.read(path)
    return read["Service"]


class _Repeating(dict):
    def __setitem__(self, key, value):
        if isinstance(value, list) and isinstance(self.get(key), list):
            value = self[key] + value
        super().__setitem__(key, value)


def test_compose_takes_the_file():
    read = compose_spec.PyCompose.from_json(json.dumps(composition()))

    assert {*OURS, "mariadb", "redis", "paper"} == {*read.services}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"helthcheck": {}}, "helthcheck"), ({"restart": 5}, "expected"), ({"depends_on": 7}, "`7`")],
)
def test_compose_refuses_what_it_does_not_know(wrong, said):
    spoiled = composition()
    spoiled["services"]["web"] |= wrong

    with pytest.raises(ValueError, match=said):
        compose_spec.PyCompose.from_json(json.dumps(spoiled))


def test_only_web_is_published_and_on_this_machine_alone():
    published = {name: each["ports"] for name, each in services().items() if "ports" in each}

    assert published == {"web": ["127.0.0.1:8000:8000"]}


def test_no_secret_stands_in_the_file_and_each_is_a_file_that_is_made(tmp_path):
    used = {secret for each in services().values() for secret in each.get("secrets", ())}
    files = {name: each["file"] for name, each in composition()["secrets"].items()}
    words = [sys.executable, str(ROOT / "deploy/make-secrets"), str(tmp_path / "secrets")]

    subprocess.run(words, check=True, capture_output=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    again = subprocess.run(words, check=True, capture_output=True, text=True).stdout

    assert used == files.keys()
    assert {file.rpartition("/")[2] for file in files.values()} == made.keys()
    assert made == {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert again.count("kept") == len(made)
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    assert made["mariadb_password"].strip() in made["database_url"]
    for each in services().values():
        plain = [
            name for name in each.get("environment", {}) if re.search("PASSWORD$|KEYS?$", name)
        ]
        assert [name for name in plain if "RANDOM" not in name] == []


def test_our_services_get_every_setting_and_every_secret():
    for name in OURS:
        each = services()[name]
        assert each["env_file"] == ".env"
        assert {key for key in each["environment"] if key.endswith("_FILE")} == {
            "DATABASE_URL_FILE", "DJANGO_SECRET_KEY_FILE", "CREDENTIALS_KEYS_FILE",
        }  # fmt: skip


def test_the_example_of_settings_names_settings_that_there_are():
    named = re.findall(r"^#?([A-Z_]+)=", (ROOT / "deploy/env.example").read_text(), re.MULTILINE)
    documented = (ROOT / "docs/howto/settings.md").read_text()
    of_compose = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))

    assert [
        name for name in named if f"`{name}`" not in documented and name not in of_compose
    ] == []


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_starts_what_the_container_starts(path):
    name = path.stem.removeprefix("ccxt-position-").rstrip("@")
    mine = unit(path)["ExecStart"].removeprefix("/opt/ccxt-position/.venv/bin/").split()
    theirs = services()[name]["command"]
    own = {
        "worker%i@%%h": "worker@%h",
        "/var/lib/ccxt-position/beat-schedule": "/tmp/beat-schedule",
    }

    assert [own.get(word, word) for word in mine] == theirs


def test_a_setting_may_be_in_a_file_and_ends_before_its_last_line_feed(tmp_path, monkeypatch):
    (tmp_path / "key").write_text("first line\nsecond\n")
    monkeypatch.setenv("DJANGO_SECRET_KEY_FILE", str(tmp_path / "key"))

    assert Environment().str("DJANGO_SECRET_KEY", "") == "first line\nsecond"


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("int", "x", "a whole number"),
        ("bool", "ture", "true or false"),
        ("float", "1,500", "a number"),
        ("json", "{", "JSON"),
    ],
)
def test_a_setting_of_another_kind_is_refused_by_name(monkeypatch, kind, value, wanted):
    monkeypatch.setenv("OMS_TRIED", value)

    with pytest.raises(ImproperlyConfigured, match=f"OMS_TRIED is '{value}'; it must be {wanted}"):
        getattr(Environment(), kind)("OMS_TRIED", default=None)


@pytest.mark.parametrize(
    "value", ["", "//root:hidden@h/n", "mysq://root:hidden@h/n", "mysql://root:hidden@h:x/n"]
)
def test_an_address_of_no_database_is_refused_by_name_and_not_shown(monkeypatch, recwarn, value):
    monkeypatch.setenv("DATABASE_URL", value)

    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL is no address") as refused:
        Environment().database("DATABASE_URL")

    assert "hidden" not in f"{refused.value} {[str(each.message) for each in recwarn]}"


@pytest.mark.parametrize(("value", "meant"), [("True", True), ("no", False), ("0", False)])
def test_yes_and_no_are_read_in_the_usual_words(monkeypatch, value, meant):
    monkeypatch.setenv("OMS_TRIED", value)

    assert Environment().bool("OMS_TRIED", not meant) is meant


def test_a_command_says_what_is_wrong_in_one_line():
    answer = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, capture_output=True, text=True,
        env=os.environ | {"DJANGO_SECRET_KEY_FILE": "/nowhere/key"}, check=False,
    )  # fmt: skip

    assert answer.returncode == 1
    assert answer.stderr == (
        "manage.py: DJANGO_SECRET_KEY_FILE names '/nowhere/key', which cannot be read: "
        "No such file or directory.\n"
    )


def test_what_is_locked_is_what_is_required_and_every_file_has_its_hash():
    locked = re.findall(
        r"^([\w.-]+)==(\S+) \\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
        (ROOT / "requirements.lock").read_text(), re.MULTILINE,
    )  # fmt: skip
    versions = {canonicalize_name(name): version for name, version, _ in locked}
    wanted = [
        Requirement(line)
        for file in ("requirements.txt", "requirements/embedded.txt")
        for line in (ROOT / file).read_text().splitlines()
        if line and not line.startswith(("#", "-r"))
    ]

    assert len(locked) == (ROOT / "requirements.lock").read_text().count("==")
    assert [
        str(each)
        for each in wanted
        if not each.specifier.contains(versions.get(canonicalize_name(each.name), "0"))
    ] == []
