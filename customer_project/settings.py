"""What the customer service's settings add to those of all."""

from csp.constants import NONE, SELF

from kafka_bridge.conf.base import *  # noqa: F403
from kafka_bridge.conf.base import BASE_APPS, DEBUG, MIDDLEWARE, REST_FRAMEWORK, env
from kafka_bridge.contracts import Topic

SERVICE_NAME = "customer"
INSTALLED_APPS = [
    "customer_project.customers",
    "customer_project.merchants",
    "customer_project.idempotency",
    "customer_project.payments",
    "customer_project.subscriptions",
    "customer_project.webhooks",
    "customer_project.checkout",
    "customer_project.emails",
    "csp",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    *BASE_APPS,
]
ROOT_URLCONF = "customer_project.urls"
WSGI_APPLICATION = "customer_project.wsgi.application"
CONSUMED_TOPICS = [
    Topic.PAYMENT_CARD_RESULT,
    Topic.PAYMENT_STATUS_UPDATED,
    Topic.PAYMENT_METHOD_UPDATED,
    Topic.PAYMENT_SETUP_RESULT,
    Topic.SUBSCRIPTION_STATUS_UPDATED,
    Topic.SUBSCRIPTION_PAYMENT_UPDATED,
]

STRIPE_PUBLISHABLE_KEY = env.str("STRIPE_PUBLISHABLE_KEY")
# Of the release train that our API version belongs to: https://docs.stripe.com/sdks/stripejs-versioning
STRIPE_JS_URL = env.str("STRIPE_JS_URL", default="https://js.stripe.com/endive/stripe.js")
STRIPE_WEBHOOK_SECRETS: list[str] = env.list("STRIPE_WEBHOOK_SECRETS", default=[])

# Origins that customers may be sent back to after 3-D Secure: https://shop.example
PAYMENT_RETURN_URLS: list[str] = env.list("PAYMENT_RETURN_URLS", default=[])
# Requests a second of one asker; 0 is no limit. Ten seconds' worth may come at once.
API_CUSTOMER_RATE_LIMIT = env.float("API_CUSTOMER_RATE_LIMIT", default=10.0)
API_MERCHANT_RATE_LIMIT = env.float("API_MERCHANT_RATE_LIMIT", default=100.0)
# Requests that may wait at the same time in one web process. Fewer than its threads.
LONG_POLLS = env.int("LONG_POLLS", default=32)

# Where the shop is, as customers reach it: e-mails lead there.
SHOP_URL = env.str("SHOP_URL", default=(PAYMENT_RETURN_URLS or ["http://127.0.0.1:8001"])[0])
# Django's mail settings in one URL: smtp+tls://user:password@mail.example:587
_MAIL = env.email_url("EMAIL_URL", default="consolemail://" if DEBUG else "smtp://localhost:25")
EMAIL_BACKEND, EMAIL_HOST, EMAIL_PORT = (_MAIL[f"EMAIL_{n}"] for n in ("BACKEND", "HOST", "PORT"))
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _MAIL["EMAIL_HOST_USER"], _MAIL["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = _MAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _MAIL.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 30
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="shop@localhost")

_after_session = MIDDLEWARE.index("django.contrib.sessions.middleware.SessionMiddleware") + 1
MIDDLEWARE = [
    *MIDDLEWARE[:_after_session],
    "django.middleware.locale.LocaleMiddleware",
    *MIDDLEWARE[_after_session:],
    "csp.middleware.CSPMiddleware",
]
LANGUAGES = [("en", "English"), ("fr", "Français")]
LOGIN_URL = "shop-login"
LOGIN_REDIRECT_URL = "catalogue"
# No page runs what is not ours; the one that takes cards adds Stripe (checkout/stripe_js.py).
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "connect-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "customer_project.customers.authentication.CustomerTokenAuthentication",
        "customer_project.merchants.authentication.MerchantTokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["customer_project.askers.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["customer_project.askers.AskerThrottle"],
    "DEFAULT_SCHEMA_CLASS": "drf_standardized_errors.openapi.AutoSchema",
}

# The API's description: docs/openapi.yaml, and a page at /api/docs/ where it can be tried.
API_DOCS = env.bool("API_DOCS", default=DEBUG)
# What any client may meet anywhere (405, 406, 415, 500) is not repeated for each address.
DRF_STANDARDIZED_ERRORS = {"ALLOWED_ERROR_STATUS_CODES": ["400", "401", "403", "404", "429"]}
_ERRORS = "drf_standardized_errors.openapi_serializers"
SPECTACULAR_SETTINGS = {
    "TITLE": "Paybridge payments",
    "VERSION": "1",
    "DESCRIPTION": (
        "Card payments and subscriptions by Stripe. Every POST needs an `Idempotency-Key`, is "
        "answered 202 as soon as it is stored, and names the place to watch. Amounts are integers "
        "in the currency's smallest unit: 1999 for 19.99."
    ),
    "LICENSE": {"name": "Apache-2.0"},
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": ["drf_standardized_errors.openapi_hooks.postprocess_schema_enums"],
    "ENUM_NAME_OVERRIDES": {
        "PaymentStatusEnum": "kafka_bridge.contracts.PaymentStatus",
        "SubscriptionStatusEnum": "kafka_bridge.contracts.SubscriptionStatus",
        "ValidationErrorEnum": f"{_ERRORS}.ValidationErrorEnum.choices",
        "ClientErrorEnum": f"{_ERRORS}.ClientErrorEnum.choices",
        "ServerErrorEnum": f"{_ERRORS}.ServerErrorEnum.choices",
    },
}
