"""Choosing subscriptions by what they are."""

from rest_framework import serializers

from customer_project.payments.filters import CustomerFilter
from kafka_bridge.contracts import SubscriptionStatus


class SubscriptionFilter(CustomerFilter):
    """Query parameters of the list of subscriptions. All that are given must hold."""

    status = serializers.ChoiceField(
        [status.value for status in SubscriptionStatus], required=False
    )
    plan = serializers.CharField(required=False, max_length=255)
    created_from = serializers.DateTimeField(required=False, help_text="Then or later.")
    created_before = serializers.DateTimeField(required=False, help_text="Earlier than that.")
