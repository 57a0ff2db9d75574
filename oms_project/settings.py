"""Every setting, with values from the environment.

``OMS_MODE`` is ``embedded`` (one machine, SQLite, no server to install: the default) or ``server``
(MariaDB or MySQL, Redis, separate processes). This file is the only one that knows the mode: it
chooses settings, the code that they configure is the same.
"""

from math import ceil
from pathlib import Path

import environ

from oms_project.environment import Environment
from oms_project.guard.folder import keep_to_ourselves, make_private
from oms_project.keys import metrics_token, secret_keys
from oms_project.watching.logs import logging_for

env = Environment()
keep_to_ourselves()

BASE_DIR = Path(__file__).resolve().parent.parent
OMS_DATA_DIR = Path(env.str("OMS_DATA_DIR", str(BASE_DIR / "var"))).resolve()
make_private(OMS_DATA_DIR)
# What `make run` chose, so that every other command works with the same venue and ports. The
# environment is stronger.
env.read_env(OMS_DATA_DIR / "oms.env")

OMS_MODE = env.str("OMS_MODE", "embedded")
if OMS_MODE not in ("embedded", "server"):
    raise environ.ImproperlyConfigured(
        f"OMS_MODE is {OMS_MODE!r}; it must be 'embedded' or 'server'"
    )
_EMBEDDED = OMS_MODE == "embedded"

# --- where things live ---------------------------------------------------------------------------
OMS_HOST = env.str("OMS_HOST", "127.0.0.1")
OMS_PORT = env.int("OMS_PORT", 8000)
OMS_PAPER_PORT = env.int("OMS_PAPER_PORT", 8600)

# --- secrets -------------------------------------------------------------------------------------
# From the environment, or in embedded mode from a file of mode 0600 that is made on first use.
_KEYS = secret_keys(env, OMS_DATA_DIR if _EMBEDDED else None)
SECRET_KEY = _KEYS.django
CREDENTIALS_KEYS = _KEYS.credentials
OMS_METRICS_TOKEN = metrics_token(env)  # opens /metrics; without one it stays shut

# --- Django --------------------------------------------------------------------------------------
DEBUG = env.bool("DJANGO_DEBUG", False)
ALLOWED_HOSTS = env.list("DJANGO_ALLOWED_HOSTS", default=["*"] if _EMBEDDED else [])
CSRF_TRUSTED_ORIGINS = env.list("DJANGO_CSRF_TRUSTED_ORIGINS", default=[])
INSTALLED_APPS = [
    "oms_project.apps.BackOfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "accounts",
    "positions",
    "gateway",
    "riskdesk",
    "oms_project.apps.ProjectConfig",
]
MIDDLEWARE = [
    "oms_project.watching.metrics.measured",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "oms_project.middleware.request_id",
    "accounts.callers.middleware.require_key",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "oms_project.desk.languages.in_language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "oms_project.urls"
WSGI_APPLICATION = "oms_project.wsgi.application"
ASGI_APPLICATION = "oms_project.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "oms_project.desk.shell.context",
            ]
        },
    }
]
# Answered without a key: browsers ask for it on every page.
SESSION_PATHS = ["/favicon.ico"]
# Networks of reverse proxies whose X-Forwarded-For is believed.
TRUSTED_PROXIES = env.list("OMS_TRUSTED_PROXIES", default=[])
LOGIN_FAILURES = env.int("OMS_LOGIN_FAILURES", 10)
LOGIN_WINDOW_S = env.int("OMS_LOGIN_WINDOW_S", 300)
# The roles admin and risk log in with a second factor; off, whoever has set one up needs it.
OMS_TWO_FACTOR_REQUIRED = env.bool("OMS_TWO_FACTOR_REQUIRED", False)
AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("pt-br", "Português (Brasil)"), ("es", "Español")]
LOCALE_PATHS = [OMS_DATA_DIR / "locale"]  # Made of the texts in ``locale/``, see desk.languages.
FORMAT_MODULE_PATH = "oms_project.desk.formats"
LOGIN_REDIRECT_URL = "/admin/start/"
APPEND_SLASH = False
STATIC_URL = "/static/"
STATIC_ROOT = OMS_DATA_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns about a folder that is missing.
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = _EMBEDDED
WHITENOISE_AUTOREFRESH = False
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.bool("OMS_HTTPS", not _EMBEDDED)
CSRF_FAILURE_VIEW = "oms_project.problems.csrf_refused"
# Seconds for which browsers come back over TLS only; once told, they keep to it. 0 tells nothing.
OMS_HSTS_S = env.int("OMS_HSTS_S", 0)

# --- database ------------------------------------------------------------------------------------
OMS_LEASE_S = env.float("OMS_LEASE_S", 30.0)  # a worker silent for so long loses its accounts
if _EMBEDDED and "DATABASE_URL" not in env.ENVIRON:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": OMS_DATA_DIR / "oms.sqlite3",
            # In a file, too: a database in memory refuses a reader while somebody writes.
            "TEST": {"NAME": OMS_DATA_DIR / "test.sqlite3"},
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                # select_for_update() does nothing on SQLite: taking the write lock at BEGIN does.
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": (
                    "PRAGMA journal_mode=WAL;"
                    "PRAGMA synchronous=FULL;"
                    "PRAGMA cache_size=-32000;"
                    "PRAGMA temp_store=MEMORY;"
                ),
            },
        }
    }
else:
    DATABASES = {"default": env.database("DATABASE_URL")}
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("OMS_DB_CONN_MAX_AGE_S", 300)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    if DATABASES["default"]["ENGINE"] == "django.db.backends.mysql":
        DATABASES["default"]["OPTIONS"] = {
            "charset": "utf8mb4",
            "isolation_level": "read committed",
            # A process that stops inside a transaction loses its locks as it loses its accounts.
            # Only MariaDB has that, and reads such a comment.
            "init_command": (
                "SET sql_mode='STRICT_ALL_TABLES' "
                f"/*M!100300 , idle_transaction_timeout={max(ceil(OMS_LEASE_S), 1)} */"
            ),
        }
        # Ids are compared byte by byte: exchange ids that differ in case are different ids.
        DATABASES["default"]["TEST"] = {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_bin"}
OMS_DB_THREADS = env.int("OMS_DB_THREADS", 1 if _EMBEDDED else 4)

OMS_SWEEP_S = env.float("OMS_SWEEP_S", 1.0)  # how often lost work and doubt are looked for

# --- Celery: the database row is the queue, the broker only rings the bell ------------------------
CELERY_BROKER_URL = env.str(
    "OMS_BROKER_URL", "bell://localhost//" if _EMBEDDED else "redis://127.0.0.1:6379/0"
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {}
    if _EMBEDDED
    else {
        # A dead Redis must not hold up a command: the row is the queue, the sweeper finds it.
        "socket_timeout": 5,
        "socket_connect_timeout": 0.2,
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0,
        "interval_max": 0,
    }
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # A worker without its broker goes on and waits for it.
CELERY_WORKER_PREFETCH_MULTIPLIER = 8
CELERY_TASK_DEFAULT_QUEUE = "oms"
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "gateway.sweep", "schedule": OMS_SWEEP_S},
    "link audit": {"task": "accounts.link_audit", "schedule": 1.0},
    "prune refusals": {"task": "accounts.prune_refusals", "schedule": 3600.0},
    "prune events": {"task": "positions.prune_events", "schedule": 3600.0},
    "prune runs": {"task": "gateway.prune_runs", "schedule": 3600.0},
}

# --- how the parts are joined --------------------------------------------------------------------
OMS_EXCHANGE_PORT = "gateway.exchange.CcxtExchange"
OMS_RISK_PORT = "riskdesk.gate.Gate"
OMS_MAKING_PORT = "riskdesk.making.Desk"
OMS_RELAY_URL = env.str("OMS_RELAY_URL", "memory://" if _EMBEDDED else "redis://127.0.0.1:6379/1")
EXCHANGE_IDS = "gateway.exchanges.capabilities.exchange_ids"
LOGIN_PARTS = "gateway.exchanges.logins.needed"
CONNECTION_TEST = "gateway.connection.probe"

# --- risk desk -----------------------------------------------------------------------------------
# Whether a kill switch has to be released by somebody else than who pulled it.
OMS_KILL_RELEASE_BY_ANOTHER = env.bool("OMS_KILL_RELEASE_BY_ANOTHER", False)

# --- the exchange --------------------------------------------------------------------------------
# ccxt id → base URL: an operator's way to the paper venue, a test venue or a reverse proxy.
OMS_EXCHANGE_URLS = env.json("OMS_EXCHANGE_URLS", default={})
OMS_EXCHANGE_TIMEOUT_MS = env.int("OMS_EXCHANGE_TIMEOUT_MS", 10_000)
OMS_STREAM_SILENCE_S = env.float("OMS_STREAM_SILENCE_S", 60)  # a silent stream is checked by REST
# Milliseconds, one number or per ccxt id as JSON with a "default": how old a request may be when
# the exchange looks at it.
OMS_RECV_WINDOW_MS = env.json("OMS_RECV_WINDOW_MS", default=5_000)
OMS_MARKETS_TTL_S = env.int("OMS_MARKETS_TTL_S", 3600)
OMS_IN_FLIGHT = env.int("OMS_IN_FLIGHT", 16)  # orders of one account on the wire at once
# How often the short reconciliation loop runs where an account's policy does not say.
OMS_IMPORT_S = env.float("OMS_IMPORT_S", 60.0)
# How long a trade may be in an exchange's balance before it is in its list of trades.
OMS_LISTED_WITHIN_S = env.float("OMS_LISTED_WITHIN_S", 2.0)
OMS_POLL_S = env.float("OMS_POLL_S", 1.0)  # open orders of ccxt.* accounts are asked this often
# What clients call of ccxt themselves (gateway.clients.readers): for how long one answer with
# market data serves everyone, how long a call may take, and how many may be under way per account
# (or per exchange, for market data) and in the whole process.
OMS_MARKET_DATA_LIFE_S = env.float("OMS_MARKET_DATA_LIFE_S", 0.5)
OMS_CCXT_TIMEOUT_S = env.float("OMS_CCXT_TIMEOUT_S", 15.0)
OMS_CCXT_IN_FLIGHT = env.int("OMS_CCXT_IN_FLIGHT", 16)
OMS_CCXT_CALLS = env.int("OMS_CCXT_CALLS", 64)

# Prices, in seconds: how old one may be that a watched stop waits for, from when on it is shown as
# missing there, how old one may be that decides about a command, how long that waits for a younger
# one, and how old one may be that is shown.
OMS_PRICE_POLL_S = env.float("OMS_PRICE_POLL_S", 1.0)
OMS_PRICE_STALE_S = env.float("OMS_PRICE_STALE_S", 5.0)
OMS_PRICE_MAX_AGE_S = env.float("OMS_PRICE_MAX_AGE_S", 5.0)
OMS_PRICE_ASK_S = env.float("OMS_PRICE_ASK_S", 2.0)
OMS_PRICE_SHOWN_S = env.float("OMS_PRICE_SHOWN_S", 60.0)

# --- time limits ---------------------------------------------------------------------------------
# A claim is doubt after this long without an answer; above the exchange time-out, with room for
# the wait in the rate limiter.
OMS_SEND_DEADLINE_S = env.float("OMS_SEND_DEADLINE_S", 30.0)
OMS_MARKET_SEND_WITHIN_S = env.float("OMS_MARKET_SEND_WITHIN_S", 60.0)
OMS_SEND_WITHIN_S = env.float("OMS_SEND_WITHIN_S", 120.0)
# Seconds (one number, or per ccxt id as JSON) after which an order that the exchange shows nowhere
# is presumed rejected. Unset: gateway.exchanges.capabilities decides per exchange.
OMS_NOT_FOUND_WINDOW_S = env.json("OMS_NOT_FOUND_WINDOW_S", default=None)
OMS_LOOKUP_FIRST_S = env.float("OMS_LOOKUP_FIRST_S", 0.5)
OMS_LOOKUP_MOST_S = env.float("OMS_LOOKUP_MOST_S", 60.0)

# --- limits of requests --------------------------------------------------------------------------
OMS_MAX_BODY_BYTES = env.int("OMS_MAX_BODY_BYTES", 1_000_000)
OMS_MAX_BATCH = env.int("OMS_MAX_BATCH", 1000)
OMS_COMMAND_THREADS = env.int("OMS_COMMAND_THREADS", 1 if _EMBEDDED else 4)
OMS_WEB_THREADS = env.int("OMS_WEB_THREADS", 4)
OMS_EXPORTS_AT_ONCE = env.int("OMS_EXPORTS_AT_ONCE", 2)
OMS_EXPORT_ROWS = env.int("OMS_EXPORT_ROWS", 1_000_000)
# Seconds for the header of a request, for a body slower than 1 kB/s, and for a connection without a
# key; how long an idle one with a good key is kept; and connections at once in one web process.
OMS_HEADER_TIMEOUT_S = env.float("OMS_HEADER_TIMEOUT_S", 10.0)
OMS_KEEPALIVE_S = env.float("OMS_KEEPALIVE_S", 75.0)
OMS_CONNECTIONS = env.int("OMS_CONNECTIONS", 4000)
OMS_DOOR_THREADS = env.int("OMS_DOOR_THREADS", 2)  # they find out whose key it is
# Requests of one user that may wait for their acceptance at once; above it, rate_limited.
OMS_WAITING_PER_USER = env.int("OMS_WAITING_PER_USER", 200)
# Sockets: threads that read for them, messages that may wait for one client, messages a second and
# requests under way that one client may have.
OMS_SOCKET_THREADS = env.int("OMS_SOCKET_THREADS", 2)
OMS_SOCKET_QUEUE = env.int("OMS_SOCKET_QUEUE", 2000)
OMS_SOCKET_MESSAGES_PER_S = env.int("OMS_SOCKET_MESSAGES_PER_S", 200)
OMS_USER_MESSAGES_PER_S = env.float("OMS_USER_MESSAGES_PER_S", 500)
OMS_SOCKETS_PER_KEY = env.int("OMS_SOCKETS_PER_KEY", 100)
OMS_SOCKET_SUBSCRIPTIONS = env.int("OMS_SOCKET_SUBSCRIPTIONS", 1000)
# The longest message that is sent; what is longer is answered as payload_too_large.
OMS_MAX_MESSAGE_BYTES = env.int("OMS_MAX_MESSAGE_BYTES", 1_000_000)
OMS_SOCKET_REQUESTS = env.int("OMS_SOCKET_REQUESTS", 100)
OMS_SOCKET_LOGIN_S = env.float("OMS_SOCKET_LOGIN_S", 10.0)
OMS_SOCKET_HEARTBEAT_S = env.float("OMS_SOCKET_HEARTBEAT_S", 5.0)
OMS_EVENT_RETENTION_DAYS = env.int("OMS_EVENT_RETENTION_DAYS", 30)  # 0 keeps them for ever
DATA_UPLOAD_MAX_MEMORY_SIZE = OMS_MAX_BODY_BYTES

# --- REST ----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.callers.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["oms_project.answers.json_text.JsonRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "oms_project.answers.json_text.FirstRenderer",
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_PARSER_CLASSES": ["oms_project.parsers.ExactJsonParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "oms_project.problems.answer",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ccxt-position",
    "DESCRIPTION": "Order management for people who trade crypto through ccxt.",
    "VERSION": env.str("OMS_VERSION", "0.1.0"),
    "OAS_VERSION": "3.1.1",
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "ApiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            "MetricsToken": {"type": "http", "scheme": "bearer"},
        }
    },
    "SECURITY": [{"ApiKey": []}],
    "ENUM_NAME_OVERRIDES": {
        "OrderStatus": "positions.api.schema.ORDER_STATUS_CHOICES",
        "CommandStatus": "positions.api.command_schema.COMMAND_STATUS_CHOICES",
        "KeyStatus": [("active", "active"), ("revoked", "revoked")],
        "StrategyStatus": [("active", "active"), ("disabled", "disabled")],
        "AccountStatus": [("active", "active"), ("blocked", "blocked")],
        "ControlScope": "riskdesk.api.serializers.SCOPE_CHOICES",
        "HaltState": "riskdesk.api.serializers.HALT_STATE_CHOICES",
        "FlattenState": "riskdesk.api.serializers.FLATTEN_STATE_CHOICES",
        "KillScope": "riskdesk.api.serializers.KILL_SCOPE_CHOICES",
    },
}

# --- logs ----------------------------------------------------------------------------------------
OMS_LOG_LEVEL = env.str("OMS_LOG_LEVEL", "INFO")
LOGGING = logging_for(
    level=OMS_LOG_LEVEL,
    as_json=env.bool("OMS_LOG_JSON", not _EMBEDDED),
    secrets=[SECRET_KEY, *CREDENTIALS_KEYS, OMS_METRICS_TOKEN],
)
DEFAULT_EXCEPTION_REPORTER = "oms_project.watching.debug_pages.ScrubbedReporter"
