"""Plans and subscriptions in the API: what is asked for, and what is shown."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from customer_project.payments.return_urls import ReturnUrlField
from customer_project.payments.serializers import check_metadata
from customer_project.subscriptions.models import Invoice, Plan, Subscription, SubscriptionEvent
from kafka_bridge.contracts import SubscriptionStatus


class CardSerializer(serializers.Serializer[Any]):
    """A card: by its id, or by what Stripe.js made of it."""

    payment_method = serializers.RegexField(r"^(pm|card|src)_\w+$", max_length=255, required=False)
    confirmation_token = serializers.RegexField(r"^ctoken_\w+$", max_length=255, required=False)
    return_url = ReturnUrlField()

    def to_internal_value(self, data: Any) -> Any:
        """Read the fields; whoever names no way to pay is asked for a `payment_method`."""
        if isinstance(data, Mapping):
            self.fields["payment_method"].required = "confirmation_token" not in data
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Hold to one way to pay."""
        if "confirmation_token" in attrs and "payment_method" in attrs:
            raise serializers.ValidationError(
                {"confirmation_token": "Give either this or a payment_method."}, "invalid"
            )
        return attrs


def _plan_field() -> "serializers.SlugRelatedField[Plan]":
    return serializers.SlugRelatedField(
        "slug", queryset=Plan.objects.all(), help_text="Of a plan that is on offer."
    )


class SubscriptionRequestSerializer(CardSerializer):
    """What is to be subscribed to, and how it is paid."""

    customer = serializers.UUIDField(required=False)
    plan = _plan_field()
    quantity = serializers.IntegerField(required=False, min_value=1, max_value=100_000)
    trial_days = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=730,
        help_text="Left out: the plan's, if the customer has not tried it before. "
        "Merchants may give more.",
    )
    metadata = serializers.DictField(
        child=serializers.CharField(max_length=500, allow_blank=True), required=False
    )

    def validate_metadata(self, metadata: dict[str, str]) -> dict[str, str]:
        """Hold to Stripe's limits."""
        return check_metadata(metadata)


class CancelSubscriptionSerializer(serializers.Serializer[Any]):
    """When it ends: at once, if not told."""

    at_period_end = serializers.BooleanField(required=False, default=False)


class ChangePlanSerializer(serializers.Serializer[Any]):
    """What is to be subscribed to from now on; the difference is invoiced at once."""

    plan = _plan_field()
    quantity = serializers.IntegerField(required=False, min_value=1, max_value=100_000)
    proration_date = serializers.DateTimeField(
        required=False,
        help_text="Of the latest preview, if that is of this change and at most an hour ago: then "
        "it costs what the preview said. Left out: it is prorated from now.",
    )


class PreviewPlanSerializer(serializers.Serializer[Any]):
    """What a change would be to. The answer shows as the subscription's `preview`."""

    plan = _plan_field()
    quantity = serializers.IntegerField(required=False, min_value=1, max_value=100_000)


class NothingSerializer(serializers.Serializer[Any]):
    """There is nothing more to say."""


class AcceptedSubscriptionSerializer(serializers.Serializer[Subscription]):
    """The answer to a request: what was accepted. The same each time the request is repeated."""

    id = serializers.UUIDField()
    status = serializers.CharField()
    plan = serializers.CharField(source="subscription_plan_id")
    amount = serializers.IntegerField()
    currency = serializers.CharField()
    quantity = serializers.IntegerField()
    trial_days = serializers.IntegerField()
    correlation_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()


class AcceptedChangeSerializer(serializers.Serializer[Any]):
    """The answer to whoever changes a subscription; watch it for a higher revision."""

    id = serializers.UUIDField(help_text="Of what was asked: lines of the history `answers` it.")
    subscription = serializers.UUIDField()
    action = serializers.CharField()
    revision = serializers.IntegerField(help_text="The subscription's when this was asked.")


class PlanSerializer(serializers.ModelSerializer[Plan]):
    """What can be subscribed to."""

    id = serializers.CharField(source="slug", read_only=True)
    name = serializers.CharField(read_only=True)
    description = serializers.CharField(read_only=True)

    class Meta:
        model = Plan
        fields = (
            *("id", "name", "description", "amount", "currency", "interval", "interval_count"),
            *("trial_days", "version"),
        )


class SubscriptionCardSerializer(serializers.Serializer[Any]):
    """The card that is charged."""

    payment_method = serializers.CharField(source="payment_method_id")
    brand = serializers.CharField()
    last4 = serializers.CharField()
    exp_month = serializers.IntegerField()
    exp_year = serializers.IntegerField()


class PreviewSerializer(serializers.Serializer[Any]):
    """What a change of plan would cost now."""

    request = serializers.UUIDField(help_text="Whose answer it is.")
    plan = serializers.CharField(source="subscription_plan_id")
    amount_due = serializers.IntegerField()
    currency = serializers.CharField()
    proration_date = serializers.DateTimeField()


class SubscriptionSerializer(serializers.ModelSerializer[Subscription]):
    """A subscription as it is now."""

    customer = serializers.UUIDField(source="customer_id", read_only=True)
    plan = serializers.CharField(source="subscription_plan_id", read_only=True)
    status = serializers.ChoiceField([status.value for status in SubscriptionStatus])
    card = SubscriptionCardSerializer(read_only=True, allow_null=True)
    preview = PreviewSerializer(read_only=True, allow_null=True)
    requires_action = serializers.SerializerMethodField()
    revision = serializers.IntegerField(
        source="changes", read_only=True, help_text="Rises when there is something new to show."
    )

    class Meta:
        model = Subscription
        fields = (
            *("id", "customer", "status", "plan", "amount", "currency", "interval"),
            *("interval_count", "quantity", "metadata", "stripe_subscription_id", "started_at"),
            *("current_period_start", "current_period_end", "trial_end", "cancel_at_period_end"),
            *("cancel_at", "canceled_at", "ended_at", "cancellation_reason", "paused", "card"),
            *("preview", "refused", "requires_action", "client_secret", "next_action"),
            *("error_code", "decline_code", "error_message", "revision", "correlation_id"),
            *("created_at", "updated_at"),
        )

    def get_requires_action(self, subscription: Subscription) -> bool:
        """Tell whether the bank wants to see the customer (3-D Secure)."""
        return subscription.next_action is not None


class InvoiceSerializer(serializers.ModelSerializer[Invoice]):
    """An invoice as it is now."""

    class Meta:
        model = Invoice
        fields = (
            *("id", "number", "status", "billing_reason", "amount_due", "amount_paid", "currency"),
            *("period_start", "period_end", "attempt", "next_attempt_at", "customer_can"),
            *("payment_intent_id", "client_secret", "hosted_invoice_url", "error_code"),
            *("decline_code", "error_message", "amount_refunded", "dispute_status", "created_at"),
        )


class SubscriptionEventSerializer(serializers.ModelSerializer[SubscriptionEvent]):
    """A line of a subscription's history."""

    plan = serializers.CharField(source="subscription_plan_id", read_only=True)

    class Meta:
        model = SubscriptionEvent
        fields = (
            *("event_id", "what", "source", "answers", "plan", "status", "invoice_id", "amount"),
            *("amount_refunded", "refused", "error_code", "at"),
        )
