"""What the admin service's settings add to those of all."""

from kafka_bridge.conf.base import *  # noqa: F403
from kafka_bridge.conf.base import BASE_APPS, REST_FRAMEWORK, env
from kafka_bridge.contracts import Topic

SERVICE_NAME = "admin"
# Nobody waits for figures as a customer waits for an answer, and in batches they cost less.
KAFKA_BRIDGE_LINGER = env.float("KAFKA_BRIDGE_LINGER", default=0.1)
INSTALLED_APPS = [
    "admin_project.readers",
    "admin_project.event_log",
    "admin_project.analytics",
    "admin_project.ledger",
    "admin_project.timeline",
    "admin_project.dashboard",
    "drf_spectacular",
    *BASE_APPS,
]
ROOT_URLCONF = "admin_project.urls"
WSGI_APPLICATION = "admin_project.wsgi.application"
CONSUMED_TOPICS = [
    Topic.STRIPE_PAYMENT_REQUEST,
    Topic.STRIPE_PAYMENT_UPDATE,
    Topic.STRIPE_SUBSCRIPTION_SETUP,
    Topic.STRIPE_SUBSCRIPTION_UPDATE,
    Topic.STRIPE_WEBHOOK_RECEIVED,
    Topic.PAYMENT_CARD_RESULT,
    Topic.PAYMENT_STATUS_UPDATED,
    Topic.PAYMENT_METHOD_UPDATED,
    Topic.PAYMENT_SETUP_RESULT,
    Topic.SUBSCRIPTION_STATUS_UPDATED,
    Topic.SUBSCRIPTION_PAYMENT_UPDATED,
    Topic.WEBHOOK_PROCESSED,
    Topic.PAYMENT_ANALYTICS,
    Topic.PAYMENT_BALANCE,
    Topic.PAYMENT_BALANCE_COUNTED,
]

REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_SCHEMA_CLASS": "drf_standardized_errors.openapi.AutoSchema",
}
DRF_STANDARDIZED_ERRORS = {"ALLOWED_ERROR_STATUS_CODES": ["401", "403"]}
_ERRORS = "drf_standardized_errors.openapi_serializers"
SPECTACULAR_SETTINGS = {
    "TITLE": "Paybridge figures",
    "VERSION": "1",
    "DESCRIPTION": (
        "What happened, for staff, and for systems whose token has the scope `analytics:read`. "
        "Amounts are integers in the currency's smallest unit: 1999 for 19.99. Times are UTC."
    ),
    "LICENSE": {"name": "Apache-2.0"},
    "SCHEMA_PATH_PREFIX": "/api/analytics/",
    "POSTPROCESSING_HOOKS": ["drf_standardized_errors.openapi_hooks.postprocess_schema_enums"],
    "ENUM_NAME_OVERRIDES": {
        "ClientErrorEnum": f"{_ERRORS}.ClientErrorEnum.choices",
    },
}
