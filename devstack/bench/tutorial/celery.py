"""The tutorial's Celery app, as its first page has it."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "devstack.bench.tutorial.settings")

app = Celery("tutorial")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["devstack.bench.tutorial"])
