"""ccxt-position: how the parts are joined. No rules of trading live here."""

from oms_project.celery import app as celery_app

__all__ = ["celery_app"]
