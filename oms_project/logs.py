"""How do log lines look? Readable for people, JSON for collectors; never with a secret."""

import logging
import re

import structlog

_SECRET = re.compile(r"(signature|apiKey|api_key|secret|passphrase|listenKey)=[^&\s'\"]+", re.I)
_KEY_TEXT = re.compile(r"\b(cxp_[A-Za-z0-9]+_|tok_)[A-Za-z0-9_-]{8,}")


class Scrub(logging.Filter):
    """Take signatures and keys out of every line, whoever wrote it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place; it is always kept."""
        text = record.getMessage()
        clean = _KEY_TEXT.sub(r"\1…", _SECRET.sub(r"\1=…", text))
        if clean != text:
            record.msg, record.args = clean, ()
        return True


def logging_for(*, level: str, as_json: bool) -> dict:
    """Django's ``LOGGING``: one handler on standard error, in one form."""
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
    )
    before = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"scrub": {"()": Scrub}},
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": before,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    renderer,
                ],
            }
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["scrub"],
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
