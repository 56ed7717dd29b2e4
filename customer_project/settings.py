"""What the customer service's settings add to those of all."""

from kafka_bridge.conf.base import *  # noqa: F403
from kafka_bridge.conf.base import BASE_APPS, REST_FRAMEWORK, env
from kafka_bridge.contracts import Topic

SERVICE_NAME = "customer"
INSTALLED_APPS = [
    "customer_project.customers",
    "customer_project.payments",
    "customer_project.webhooks",
    *BASE_APPS,
]
ROOT_URLCONF = "customer_project.urls"
WSGI_APPLICATION = "customer_project.wsgi.application"
CONSUMED_TOPICS = [
    Topic.PAYMENT_CARD_RESULT,
    Topic.PAYMENT_STATUS_UPDATED,
]

STRIPE_PUBLISHABLE_KEY = env.str("STRIPE_PUBLISHABLE_KEY")
STRIPE_WEBHOOK_SECRETS: list[str] = env.list("STRIPE_WEBHOOK_SECRETS", default=[])

REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "customer_project.customers.authentication.CustomerTokenAuthentication"
    ],
    "DEFAULT_PERMISSION_CLASSES": ["customer_project.customers.authentication.IsCustomer"],
}
