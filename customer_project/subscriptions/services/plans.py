"""What changes a plan."""

from django.db import transaction
from rest_framework.exceptions import ValidationError

from customer_project.subscriptions.models import Plan


@transaction.atomic
def save_plan(plan: Plan) -> None:
    """Save a plan; another price makes another version of it."""
    known = Plan.objects.select_for_update().filter(slug=plan.slug).first()
    if known:
        plan.version = known.version + (known.price != plan.price)
    plan.save()


def check_on_offer(plan: Plan) -> None:
    """Refuse a plan that nobody can subscribe to any more.

    Raises:
        ValidationError: it is not active.
    """
    if not plan.active:
        raise ValidationError({"plan": "This plan is no longer on offer."}, "not_on_offer")
