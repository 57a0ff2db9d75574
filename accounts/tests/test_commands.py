"""The commands for operators: JSON out, a clear line and a non-zero exit for a refusal."""

import io
import json
import os
import re
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command, load_command_class

from accounts.callers.authentication import resolve
from accounts.credentials import login_of
from accounts.models import Account, AuditEntry, User
from accounts.tests import builders
from accounts.words import LoginPart, Role

pytestmark = pytest.mark.django_db
COMMANDS = (
    "add_account",
    "create_api_key",
    "create_user",
    "enrol_two_factor",
    "generate_master_key",
    "reset_two_factor",
    "rotate_credentials_key",
    "set_account_testnet",
    "upsert_account_credentials",
    "verify_audit",
)


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    for name in [name for name in os.environ if name.startswith(("OMS_EXCHANGE_", "OMS_USER_"))]:
        monkeypatch.delenv(name)


def run(*words):
    out = io.StringIO()
    call_command(*map(str, words), stdout=out)
    return json.loads(out.getvalue())


def pipe(monkeypatch, text):
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


class Terminal(io.StringIO):
    """A standard input with a person at it."""

    def isatty(self):
        return True


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(name):
    text = load_command_class("accounts", name).create_parser("manage.py", name).format_help()

    assert "example:" in text
    assert f"\n  manage.py {name}" in text


def test_every_command_of_this_app_is_tested_here():
    folder = Path(__file__).parent.parent / "management" / "commands"

    assert {file.stem for file in folder.glob("[!_]*.py")} == set(COMMANDS)


def test_create_user_takes_the_password_from_an_option(monkeypatch):
    answer = run(
        "create_user", "--user-name", "al", "--role", "risk", "--password", "good enough 1"
    )

    user = User.objects.get()
    assert answer == {"user": {"id": user.pk, "user_name": "al", "role": "risk"}}
    assert user.check_password("good enough 1")


def test_create_user_takes_the_password_from_elsewhere(monkeypatch):
    pipe(monkeypatch, '{"password": "good enough 1"}')
    run("create_user", "--user-name", "a", "--role", "trader", "--stdin")
    monkeypatch.setenv("OMS_USER_PASSWORD", "good enough 2")
    run("create_user", "--user-name", "b", "--role", "trader")
    monkeypatch.delenv("OMS_USER_PASSWORD")
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda prompt: "good enough 3")
    run("create_user", "--user-name", "c", "--role", "trader")
    run("create_user", "--user-name", "d", "--role", "robot", "--no-password")

    users = list(User.objects.order_by("username"))
    for number, user in enumerate(users[:3], start=1):
        assert user.check_password(f"good enough {number}")
    assert not users[3].has_usable_password()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--role", "emperor", "--password", "good enough 1"), r"emperor.*role.*trader"),
        (("--role", "trader", "--password", "x1"), r"password.*too short"),
        (("--role", "trader"), r"password is missing.*OMS_USER_PASSWORD"),
        (("--role", "trader", "--stdin"), r"--stdin.*not valid JSON"),
    ],
)
def test_create_user_refuses_with_a_clear_line(words, says):
    with pytest.raises(CommandError, match=re.compile(says, re.S)) as refusal:
        run("create_user", "--user-name", "a", *words)
    assert refusal.value.returncode != 0
    assert not User.objects.exists()


def test_create_user_refuses_a_name_twice():
    builders.user()

    with pytest.raises(CommandError, match=r"conflict: .*alice"):
        run("create_user", "--user-name", "alice", "--role", "trader", "--no-password")


def test_create_api_key_prints_the_key_that_works():
    account = builders.account()
    strategy = builders.strategy("trend", account)
    builders.user("bot", Role.ROBOT)

    answer = run(
        *("create_api_key", "--user-name", "bot", "--account-id", account.pk),
        *("--strategy-id", strategy.pk, "--label", "grid", "--allow-ip", "10.0.0.0/8"),
        *("--expires-in-days", 30),
    )

    caller = resolve(answer["api_key"]["plain"], address="10.1.1.1")
    assert caller.api_key_id == answer["api_key"]["id"]
    assert answer["account_ids"] == [account.pk]
    assert set(caller.rights[account.pk].strategies) == {strategy.pk}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--user-name", "nobody"), r"user_name.*nobody"),
        (("--user-name", "alice", "--account-id", "77"), r"account_not_found.*77"),
        (("--user-name", "alice", "--account-id", "{}", "--strategy-id", "77"), r"strategy_id.*77"),
        (("--user-name", "alice", "--allow-ip", "x"), r"ip_allow_list"),
        (("--user-name", "alice", "--expires-in-days", "0"), r"expires_at has passed"),
    ],
)
def test_create_api_key_refuses_with_a_clear_line(words, says):
    builders.user()
    account = builders.account()

    with pytest.raises(CommandError, match=says):
        run("create_api_key", *(word.format(account.pk) for word in words))


def test_add_account_prints_what_it_added():
    answer = run(
        *("add_account", "--exchange-id", "ccxtpro.binance", "--label", "main", "--testnet"),
        *("--position-mode", "hedge", "--reversal", "mt5", "--clear-stops"),
        *("--extra-config", '{"defaultType": "swap"}'),
        *("--reconcile-policy", '{"short": {"every_s": 30}}'),
    )

    account = Account.objects.get()
    assert answer["account"] == {
        "id": account.pk,
        "exchange_id": "ccxtpro.binance",
        "label": "main",
        "is_testnet": True,
        "position_mode": "hedge",
        "reversal": "mt5",
        "status": "active",
    }
    assert not account.keep_stops
    assert account.extra_config == {"defaultType": "swap"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--exchange-id", "binance"), r"unsupported_engine.*ccxt\.<id>.*\"binance\""),
        (("--exchange-id", "ccxt.nowhere"), r"engine_unavailable.*ccxt\.nowhere"),
        (("--position-mode", "x"), r"position_mode.*hedge.*\"x\""),
        (("--extra-config", '{"urls": 1}'), r"extra_config.*defaultType.*\"urls\""),
        (("--extra-config", "{"), r"--extra-config is not valid JSON"),
        (("--extra-config", "[]"), r"--extra-config takes a JSON object"),
        (("--reconcile-policy", '{"x": {}}'), r"reconcile_policy.*hourly.*\"x\""),
    ],
)
def test_add_account_refuses_naming_field_limit_and_value(words, says):
    with pytest.raises(CommandError, match=says):
        run("add_account", "--exchange-id", "ccxt.binance", "--label", "main", *words)
    assert not Account.objects.exists()


LOGIN = {"api_key": "Kx-public", "secret": "Sx-secret", "passphrase": "Px-phrase"}


def set_login(account, *words):
    return run("upsert_account_credentials", "--account-id", account.pk, *words)


def test_credentials_come_from_options_and_are_not_printed():
    account = builders.account()

    answer = set_login(
        account,
        *("--api-key", "Kx-public", "--secret", "Sx-secret", "--passphrase", "Px-phrase"),
        "--encrypt-input",
    )

    assert answer == {
        "account": {"id": account.pk},
        "credentials": dict.fromkeys(LoginPart, "not set") | dict.fromkeys(LOGIN, "set"),
    }
    assert login_of(account).secret == "Sx-secret"


def test_credentials_come_from_standard_input(monkeypatch):
    account = builders.account()
    pipe(monkeypatch, json.dumps(LOGIN))

    set_login(account, "--stdin")

    assert login_of(account).passphrase == "Px-phrase"


def test_credentials_come_from_the_environment(monkeypatch):
    account = builders.account()
    for name, value in LOGIN.items():
        monkeypatch.setenv(f"OMS_EXCHANGE_{name.upper()}", value)

    set_login(account)

    assert login_of(account).api_key == "Kx-public"


def test_credentials_are_prompted_for_at_a_terminal(monkeypatch):
    account = builders.account()
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda prompt: LOGIN[prompt.split()[0].strip(":")])

    set_login(account)

    assert login_of(account).secret == "Sx-secret"


def test_one_option_does_not_mix_with_the_environment(monkeypatch):
    account = builders.account()
    monkeypatch.setenv("OMS_EXCHANGE_SECRET", "of another key")

    with pytest.raises(CommandError, match="secret is missing"):
        set_login(account, "--api-key", "Kx-public")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not valid JSON"),
        ('{"api_key": "Kx-public"', "not valid JSON"),
        ('["Kx-public"]', "takes a JSON object"),
        ('{"api_key": "Kx-public", "secret": 5}', "takes a JSON object of texts"),
        ('{"api_key": "Kx-public"}', "secret is missing"),
        ('{"api_key": "Kx-public", "password": "x"}', "'password' is not one of"),
    ],
)
def test_bad_input_is_refused_without_repeating_it(monkeypatch, text, says):
    account = builders.account()
    pipe(monkeypatch, text)

    with pytest.raises(CommandError, match=says) as refusal:
        set_login(account, "--stdin")
    assert "Kx-public" not in str(refusal.value)


def test_credentials_need_an_account():
    with pytest.raises(CommandError, match=r"account_not_found.*77"):
        run("upsert_account_credentials", "--account-id", 77, "--api-key", "k", "--secret", "s")


def test_the_help_says_what_the_shell_history_keeps():
    for name in ("upsert_account_credentials", "create_user"):
        command = load_command_class("accounts", name)
        text = " ".join(command.create_parser("manage.py", name).format_help().split())
        assert "kept by the shell history" in text


def test_set_account_testnet_switches_and_says_what_was():
    account = builders.account()

    answer = run("set_account_testnet", "--account-id", account.pk, "--on")

    assert answer["account"] == {"id": account.pk, "is_testnet": True, "was": False}
    assert run("set_account_testnet", "--account-id", account.pk, "--off")["account"]["was"]
    assert not Account.objects.get().is_testnet
    assert AuditEntry.objects.filter(action="testnet_set", user_name="manage.py").count() == 2


@pytest.mark.parametrize("words", [("--account-id", "77", "--on"), ("--account-id", "77")])
def test_set_account_testnet_refuses_what_is_not_there_or_not_said(words):
    with pytest.raises(CommandError):
        run("set_account_testnet", *words)


def test_generate_master_key_prints_two_keys_and_nothing_else():
    first, second = run("generate_master_key"), run("generate_master_key")

    assert set(first) == {"DJANGO_SECRET_KEY", "CREDENTIALS_KEYS"}
    values = [*first.values(), *second.values()]
    assert len(set(values)) == len(values)
    assert all(re.fullmatch(r"[\w-]{43}", value) for value in values)


def test_a_second_factor_is_set_up_and_reset_for_somebody():
    user = builders.user("carol", Role.RISK)

    answer = run("enrol_two_factor", "--user-name", "carol")
    assert answer["user"] == {"id": user.pk, "user_name": "carol"}
    assert answer["secret"] in answer["otpauth_uri"]
    user.refresh_from_db()
    assert user.has_two_factor

    assert run("reset_two_factor", "--user-name", "carol", "--comment", "lost")["removed"]
    assert not run("reset_two_factor", "--user-name", "carol")["removed"]
    assert AuditEntry.objects.get(action="two_factor_removed").comment == "lost"


@pytest.mark.parametrize("command", ["enrol_two_factor", "reset_two_factor", "create_api_key"])
def test_a_user_who_is_not_there_is_said(command):
    with pytest.raises(CommandError, match=r"not_found.*user_name.*nobody"):
        run(command, "--user-name", "nobody")
