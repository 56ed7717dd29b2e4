"""The payment service: the only one that talks to Stripe's API."""

from payment_project.celery import app as celery_app

__all__ = ["celery_app"]
