"""The Celery application: ``celery -A oms_project worker --pool threads``."""

import os

from celery import Celery

from oms_project import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oms_project.settings")
broker.register()

app = Celery("oms")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
