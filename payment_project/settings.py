"""What the payment service's settings add to those of all."""

from typing import Any

from kafka_bridge.conf.base import *  # noqa: F403
from kafka_bridge.conf.base import BASE_APPS, env
from kafka_bridge.conf.celery import *  # noqa: F403
from kafka_bridge.conf.celery import CELERY_BEAT_SCHEDULE, CELERY_BROKER_URL
from kafka_bridge.contracts import Topic

SERVICE_NAME = "payment"
INSTALLED_APPS = [
    "payment_project.balance",
    "payment_project.customers",
    "payment_project.payments",
    "payment_project.reconciliation",
    "payment_project.subscriptions",
    "payment_project.turns",
    "payment_project.webhooks",
    *BASE_APPS,
]
ROOT_URLCONF = "payment_project.urls"
WSGI_APPLICATION = "payment_project.wsgi.application"
CONSUMED_TOPICS = [
    Topic.STRIPE_PAYMENT_REQUEST,
    Topic.STRIPE_PAYMENT_UPDATE,
    Topic.STRIPE_SUBSCRIPTION_SETUP,
    Topic.STRIPE_SUBSCRIPTION_UPDATE,
    Topic.STRIPE_WEBHOOK_RECEIVED,
]

STRIPE_API_KEY = env.str("STRIPE_API_KEY")
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default="")  # empty: Stripe itself
# Calls a second that all workers together make, in all and for one endpoint; 0 is no limit.
# Stripe's own limits unless you have agreed on others: https://docs.stripe.com/rate-limits
STRIPE_RATE_LIMIT = env.int(
    "STRIPE_RATE_LIMIT",
    default=0 if STRIPE_API_BASE else 100 if "_live_" in STRIPE_API_KEY else 25,
)
STRIPE_ENDPOINT_RATE_LIMIT = env.int(
    "STRIPE_ENDPOINT_RATE_LIMIT", default=0 if STRIPE_API_BASE else 25
)
# Where the workers count them together: a Valkey or Redis; empty: each process counts alone.
STRIPE_LIMITS_URL = env.str(
    "STRIPE_LIMITS_URL",
    default=CELERY_BROKER_URL if CELERY_BROKER_URL.startswith(("redis", "unix")) else "",
)
STRIPE_WEBHOOK_SECRETS: list[str] = env.list("STRIPE_WEBHOOK_SECRETS", default=[])
# At least so many seconds between two looks at one object at Stripe for webhooks about it.
WEBHOOK_READ_INTERVAL = 1.0
# Days that it is known what became of a webhook: more than the 30 that Stripe lists events for, or
# reconciliation takes some for missed.
WEBHOOK_RETENTION_DAYS = env.int("WEBHOOK_RETENTION_DAYS", default=35)
# Whether payments and subscriptions made with the account elsewhere, as in Stripe's dashboard, are
# taken over: given our metadata, recorded and told of as ours.
STRIPE_ADOPT = env.bool("STRIPE_ADOPT", default=False)

# Seconds that a payment may stay in a status, then it is canceled; what is processing is looked at.
# Stripe gives authorised money back after 7 days: https://docs.stripe.com/payments/place-a-hold
PAYMENT_DEADLINES: dict[str, int] = {
    "requires_action": 30 * 60,
    "requires_confirmation": 30 * 60,
    "requires_payment_method": 24 * 3600,
    "requires_capture": 6 * 24 * 3600,
    "processing": 3600,
    **env.json("PAYMENT_DEADLINES", default={}),
}
# What becomes of renewals that are not paid; a row in Django admin takes its place. The fields are
# those of `subscriptions.models.DunningPolicy`. https://docs.stripe.com/declines/codes
# `retry_codes` only decide what customers are told. Stripe tries again as its own settings have it,
# after a hard decline not before there is another card, which `auto_advance=false` would hold up as
# well: https://docs.stripe.com/billing/revenue-recovery/smart-retries
DUNNING: dict[str, Any] = {
    "retry_codes": [
        *("insufficient_funds", "issuer_not_available", "processing_error", "reenter_transaction"),
        *("try_again_later", "withdrawal_count_limit_exceeded", "card_velocity_exceeded"),
    ],
    "tell_from_attempt": 2,
    "end_after_days": 30,
    "end_after_attempts": None,
    "at_end": "cancel",
    **env.json("DUNNING", default={}),
}
CELERY_BEAT_SCHEDULE["end-unpaid-subscriptions"] = {
    "task": "payment_project.subscriptions.tasks.end_unpaid",
    "schedule": 300.0,
    "options": {"expires": 300.0},
}
CELERY_BEAT_SCHEDULE["ask-about-overdue-payments"] = {
    "task": "payment_project.payments.tasks.ask_about_overdue",
    "schedule": 30.0,
    "options": {"expires": 30.0},
}
# Seconds that a webhook may take to come before it counts as missed.
RECONCILE_GRACE = 300
CELERY_BEAT_SCHEDULE["reconcile-stripe"] = {
    "task": "payment_project.reconciliation.tasks.reconcile_stripe",
    "schedule": 900.0,
    "options": {"expires": 900.0},
}
CELERY_BEAT_SCHEDULE["reconcile-stripe-widely"] = {
    "task": "payment_project.reconciliation.tasks.reconcile_stripe",
    "schedule": 24 * 3600.0,
    "kwargs": {"days": 3},
    "options": {"expires": 3600.0},
}
CELERY_BEAT_SCHEDULE["reconcile-stripe-fully"] = {
    "task": "payment_project.reconciliation.tasks.reconcile_stripe",
    "schedule": 7 * 24 * 3600.0,
    "kwargs": {"days": 30},
    "options": {"expires": 24 * 3600.0},
}
CELERY_BEAT_SCHEDULE["purge-webhooks"] = {
    "task": "payment_project.webhooks.tasks.purge_webhooks",
    "schedule": 3600.0,
    "options": {"expires": 3600.0},
}
CELERY_BEAT_SCHEDULE["record-balance"] = {
    "task": "payment_project.balance.tasks.record_balance",
    "schedule": 60.0,
    "options": {"expires": 60.0},
}
CELERY_BEAT_SCHEDULE["count-balance"] = {
    "task": "payment_project.balance.tasks.count_balance",
    "schedule": 3600.0,
    "options": {"expires": 3600.0},
}
