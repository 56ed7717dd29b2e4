"""The payment service's Celery application."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "payment_project.settings")
# Celery would run Django's checks, load every page for them, and ignore what they find.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("payment")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
