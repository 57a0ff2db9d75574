"""The exchange login goes in, comes out for the gateway, and shows nowhere else."""

import base64
import pickle
from dataclasses import fields

import pytest
from django.core import serializers
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection

from accounts import services
from accounts.audit import OPERATOR
from accounts.credentials import ExchangeLogin, login_of, state_of
from accounts.fields import KeyRing, SecretUnreadable
from accounts.models import AuditEntry, Credentials
from accounts.tests import builders
from accounts.words import LoginPart
from oms_project.errors import EngineUnavailable, Invalid

pytestmark = pytest.mark.django_db
LOGIN = {"api_key": "Kx-public-part", "secret": "Sx-secret-part", "passphrase": "Px-phrase"}
NOTHING = dict.fromkeys(LoginPart, "not set")


def stored(account=None, **login):
    account = account or builders.account()
    services.upsert_credentials(account=account, by=OPERATOR, **(login or LOGIN))
    return account


def raw_columns():
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key, secret, passphrase FROM accounts_credentials")
        return cursor.fetchone()


def leaks(text):
    return [part for part in LOGIN.values() if part in str(text)]


def test_the_gateway_gets_the_login_back():
    assert login_of(stored()) == ExchangeLogin("Kx-public-part", "Sx-secret-part", "Px-phrase")


def test_the_columns_hold_cipher_text_that_differs_every_time():
    account = stored()
    first = [bytes(column) for column in raw_columns()]
    stored(account)
    second = [bytes(column) for column in raw_columns()]

    for column in (*first, *second):
        assert not any(part.encode() in column for part in LOGIN.values())
    assert not set(first) & set(second)


def test_the_plain_text_is_no_pickle():
    token = bytes(raw_columns()[0]) if stored() else b""
    plain = KeyRing().decrypt(token)

    assert plain == b"Kx-public-part"
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(plain)


def test_neither_row_nor_login_shows_a_secret():
    account = stored()
    row = Credentials.objects.get()

    for shown in (row, repr(row), login_of(account), repr(login_of(account)), [row], f"{row}"):
        assert leaks(shown) == []


def test_the_audit_trail_says_that_and_not_what():
    stored()
    entry = AuditEntry.objects.get(action="credentials_set")

    assert entry.before == NOTHING
    assert entry.after == NOTHING | dict.fromkeys(LOGIN, "set")


def test_a_dump_of_the_database_holds_cipher_text_and_can_be_loaded(tmp_path):
    account = stored()
    dump = tmp_path / "dump.json"
    call_command("dumpdata", "accounts.credentials", output=str(dump), verbosity=0)
    text = dump.read_text()
    assert leaks(text) == []
    assert all(base64.b64encode(part.encode()).decode() not in text for part in LOGIN.values())

    Credentials.objects.all().delete()
    for row in serializers.deserialize("json", text):
        row.save()
    assert login_of(account).secret == "Sx-secret-part"


def test_a_new_key_in_front_leaves_old_logins_readable(settings):
    account = stored()
    settings.CREDENTIALS_KEYS = ["a new key", *settings.CREDENTIALS_KEYS]

    assert login_of(account).secret == "Sx-secret-part"
    assert not KeyRing().is_newest(bytes(raw_columns()[1]))
    stored(account)
    assert KeyRing().is_newest(bytes(raw_columns()[1]))
    settings.CREDENTIALS_KEYS = ["a new key"]
    assert login_of(account).secret == "Sx-secret-part"


def test_the_signing_key_of_django_has_no_part_in_it(settings):
    account = stored()
    settings.SECRET_KEY = "quite another"

    assert login_of(account).secret == "Sx-secret-part"


def test_a_lost_key_is_said_and_says_nothing(settings):
    account = stored()
    settings.CREDENTIALS_KEYS = ["not the one"]

    with pytest.raises(EngineUnavailable, match="CREDENTIALS_KEYS"):
        login_of(account)
    assert state_of(account).parts == set(LOGIN)


def test_a_changed_cipher_text_is_not_decrypted():
    token = bytearray(KeyRing().encrypt(b"secret"))
    token[20] ^= 1

    with pytest.raises(SecretUnreadable):
        KeyRing().decrypt(bytes(token))


@pytest.mark.parametrize("keys", [[], [""]])
def test_without_a_key_nothing_is_stored(settings, keys):
    account = builders.account()
    settings.CREDENTIALS_KEYS = keys

    with pytest.raises(ImproperlyConfigured, match="generate_master_key"):
        stored(account)


def test_an_account_without_a_login_cannot_be_opened():
    account = builders.account()

    assert state_of(account).as_words() == NOTHING
    with pytest.raises(EngineUnavailable, match="no credentials"):
        login_of(account)


def test_a_new_login_replaces_all_of_the_old_one():
    account = stored()
    stored(account, api_key="  k \n", secret="s\n")

    assert login_of(account) == ExchangeLogin("k", "s", "")
    assert state_of(account).parts == {"api_key", "secret"}


@pytest.mark.parametrize("empty", ["api_key", "secret"])
def test_half_a_login_is_refused_without_repeating_the_other_half(empty):
    account = builders.account()

    with pytest.raises(Invalid) as refusal:
        stored(account, **{**LOGIN, empty: " "})
    assert refusal.value.details["field"] == empty
    assert leaks(refusal.value.body("")) == []


WALLET = {"wallet_address": "0x" + "1a" * 20, "private_key": "0x" + "2b" * 32}


@pytest.fixture
def _wants_a_wallet(settings):
    settings.LOGIN_PARTS = "accounts.tests.builders.wallet_parts"


@pytest.mark.usefixtures("_wants_a_wallet")
def test_an_exchange_that_wants_a_wallet_is_given_one_and_no_key():
    account = stored(**WALLET)

    assert login_of(account) == ExchangeLogin(**WALLET)
    assert state_of(account).parts == set(WALLET)
    with connection.cursor() as cursor:
        cursor.execute("SELECT private_key FROM accounts_credentials")
        assert WALLET["private_key"].encode() not in bytes(cursor.fetchone()[0])


@pytest.mark.usefixtures("_wants_a_wallet")
def test_what_the_exchange_wants_is_named():
    with pytest.raises(Invalid) as refusal:
        stored(**LOGIN)

    assert refusal.value.details["field"] == "wallet_address"
    assert "wallet_address, private_key" in refusal.value.message
    assert leaks(refusal.value.body("")) == []
    assert not Credentials.objects.exists()


def test_parts_are_columns_and_fields():
    columns = {field.name for field in Credentials._meta.fields}

    assert set(LoginPart) <= columns
    assert {field.name for field in fields(ExchangeLogin)} == set(LoginPart)
