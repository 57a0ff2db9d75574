"""How do log lines look? Readable for people, JSON for collectors; never with a secret."""

from typing import Any

import structlog

from oms_project.answers.request_ids import add_request_id
from oms_project.secrecy import hide, scrubbed


def _scrub(logger: Any, method: str, line: str) -> str:
    """The last step of every line: message, facts and traceback are one text by then."""
    return scrubbed(line)


def logging_for(*, level: str, as_json: bool, secrets: list[str]) -> dict:
    """Django's ``LOGGING``: one handler on standard error, in one form, without ``secrets``."""
    hide(*secrets)
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    )
    before = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        add_request_id,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": before,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    renderer,
                    _scrub,
                ],
            }
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "line",
            }
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # ccxt writes request headers, keys included, at DEBUG.
            "ccxt": {"level": "WARNING"},
            "aiohttp.access": {"level": "WARNING"},
            "daphne": {"level": "WARNING"},
            "django.server": {"level": "WARNING"},
            # Refusals are answers, not incidents; what is ours to mend is logged by problems.
            "django.request": {"level": "CRITICAL"},
            "celery": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
            "asyncio": {"level": "WARNING"},
        },
    }
