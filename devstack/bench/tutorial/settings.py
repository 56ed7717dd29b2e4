"""One settings module for the three tutorial services: their DATABASE_URL tells them apart."""

import environ

env = environ.Env()

SECRET_KEY = "tutorial"  # noqa: S105 - it signs nothing
INSTALLED_APPS = ["devstack.bench.tutorial"]
DATABASES = {"default": {**env.db("DATABASE_URL"), "CONN_MAX_AGE": None}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

KAFKA_BOOTSTRAP_SERVERS = env.str("KAFKA_BOOTSTRAP_SERVERS")
# What the broker of this run needs, for our own clients too.
KAFKA_CLIENT_SETTINGS = env.json("KAFKA_CLIENT_SETTINGS", default={})
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL")
STRIPE_API_BASE = env.str("STRIPE_API_BASE")
TOPIC_PREFIX = env.str("TUTORIAL_TOPIC_PREFIX")
CELERY_TASK_DEFAULT_QUEUE = env.str("TUTORIAL_TOPIC_PREFIX")
