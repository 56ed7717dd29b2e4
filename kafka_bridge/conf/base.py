"""Settings that the three services share. A service's own module names what differs.

Environments differ by environment variables (`.env.example` names them all), not by modules.
"""

from pathlib import Path
from typing import Any

import environ

from kafka_bridge.conf.logging import logging_config

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent.parent

DEBUG = env.bool("DJANGO_DEBUG", default=False)
SECRET_KEY = env.str("DJANGO_SECRET_KEY")
ALLOWED_HOSTS: list[str] = env.list("DJANGO_ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("DJANGO_CSRF_TRUSTED_ORIGINS", default=[])

BASE_APPS = [
    "kafka_bridge",  # before Django admin, whose pages it brands
    "kafka_bridge.admin_pages.AdminPagesConfig",  # django.contrib.admin, loaded by need
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_standardized_errors",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

_database = env.db("DATABASE_URL", engine="kafka_bridge.postgresql")
# A server that vanished without a word is noticed within a minute, not within two hours.
_KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
DATABASES = {
    "default": {
        **_database,
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": _KEEPALIVES | _database.get("OPTIONS", {}),
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{validator}"}
    for validator in ("MinimumLengthValidator", "CommonPasswordValidator")
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True

SECURE_SSL_REDIRECT = env.bool("DJANGO_SECURE_SSL_REDIRECT", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = logging_config(level=LOG_LEVEL, json=env.bool("LOG_JSON", default=not DEBUG))

# --- Kafka -------------------------------------------------------------------------------------
KAFKA_BOOTSTRAP_SERVERS = env.str("KAFKA_BOOTSTRAP_SERVERS")
# librdkafka's own settings as JSON objects, for every client or for one kind: TLS and SASL too.
KAFKA_CLIENT_SETTINGS: dict[str, Any] = env.json("KAFKA_CLIENT_SETTINGS", default={})
KAFKA_PRODUCER_SETTINGS: dict[str, Any] = env.json("KAFKA_PRODUCER_SETTINGS", default={})
KAFKA_CONSUMER_SETTINGS: dict[str, Any] = env.json("KAFKA_CONSUMER_SETTINGS", default={})
# Pending events from which a consumer leaves records with the broker until the workers catch up.
KAFKA_BRIDGE_PENDING_LIMIT = env.int("KAFKA_BRIDGE_PENDING_LIMIT", default=200_000)
# Seconds for which a consumer that has a record waits for more, to store them together.
KAFKA_BRIDGE_LINGER = env.float("KAFKA_BRIDGE_LINGER", default=0.0)
# How long relayed and handled events are kept, and so how long repetitions of them are known.
KAFKA_BRIDGE_RETENTION_DAYS = env.int("KAFKA_BRIDGE_RETENTION_DAYS", default=30)
KAFKA_TOPIC_PARTITIONS = env.int("KAFKA_TOPIC_PARTITIONS", default=6)
KAFKA_TOPIC_REPLICATION = env.int("KAFKA_TOPIC_REPLICATION", default=1 if DEBUG else 3)
