"""The payment service without the call to Stripe: what Kafka and the tables cost."""

from devstack.bench import without_stripe_call
from payment_project.settings import *  # noqa: F403
from payment_project.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, without_stripe_call.__name__]
