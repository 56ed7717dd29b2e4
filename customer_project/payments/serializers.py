"""Payments in the API: what is asked for, and what is shown."""

from collections.abc import Mapping
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from customer_project.payments.models import Payment, PaymentEvent, SavedCard
from customer_project.payments.return_urls import ReturnUrlField
from kafka_bridge.contracts import PaymentStatus, currencies

_LARGEST: Final = 999_999_999_999
"""In any currency, and in the events: `kafka_bridge.contracts.base.MinorUnits`."""


@extend_schema_field({"type": "integer", "minimum": 1, "maximum": _LARGEST})
class AmountField(serializers.Field[int, Any, int, Any]):
    """An int in the currency's minor unit: `1999` for 19.99. Anything else is refused."""

    default_error_messages = {  # noqa: RUF012 - DRF's own way to name messages
        "not_an_integer": "Give the amount as an integer in the currency's smallest unit, "
        "for example 1999 for 19.99.",
        "not_positive": "The amount must be positive.",
        "too_large": "No amount has more than twelve digits.",
    }

    def to_internal_value(self, data: Any) -> int:
        """Take an int; a float, a string or a bool might be money gone wrong."""
        if type(data) is not int:
            self.fail("not_an_integer")
        if data <= 0:
            self.fail("not_positive")
        if data > _LARGEST:
            self.fail("too_large")
        return int(data)

    def to_representation(self, value: int) -> int:
        """Give it as it is."""
        return value


class CurrencyField(serializers.CharField):
    """An ISO 4217 code that Stripe charges in, in any case."""

    default_error_messages = {  # noqa: RUF012 - DRF's own way to name messages
        "invalid_choice": "'{currency}' is not a currency that can be charged in.",
    }

    def to_internal_value(self, data: Any) -> str:
        """Take the code, lowercase as Stripe writes it."""
        currency: str = super().to_internal_value(data).lower()
        if currency not in currencies.SUPPORTED:
            self.fail("invalid_choice", currency=currency)
        return currency


class PaymentRequestSerializer(serializers.Serializer[Any]):
    """What is asked to be paid, and how: by a card's id, or by what Stripe.js made of a card."""

    customer = serializers.UUIDField(required=False)
    amount = AmountField()
    currency = CurrencyField(max_length=3)
    payment_method = serializers.RegexField(r"^(pm|card|src)_\w+$", max_length=255, required=False)
    confirmation_token = serializers.RegexField(r"^ctoken_\w+$", max_length=255, required=False)
    capture_method = serializers.ChoiceField(["automatic", "manual"], required=False)
    save_card = serializers.BooleanField(required=False)
    off_session = serializers.BooleanField(required=False)
    return_url = ReturnUrlField()
    description = serializers.CharField(required=False, max_length=1000)
    metadata = serializers.DictField(
        child=serializers.CharField(max_length=500, allow_blank=True), required=False
    )

    def to_internal_value(self, data: Any) -> Any:
        """Read the fields; whoever names no way to pay is asked for a `payment_method`."""
        if isinstance(data, Mapping):
            self.fields["payment_method"].required = "confirmation_token" not in data
        return super().to_internal_value(data)

    def validate_metadata(self, metadata: dict[str, str]) -> dict[str, str]:
        """Hold to Stripe's limits."""
        return check_metadata(metadata)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Hold to what can be charged in the currency, and to one way to pay."""
        _check_amount(attrs["amount"], attrs["currency"])
        token = attrs.get("confirmation_token")
        if token and "payment_method" in attrs:
            raise serializers.ValidationError(
                {"confirmation_token": "Give either this or a payment_method."}, "invalid"
            )
        if attrs.get("off_session") and (token or attrs.get("save_card")):
            raise serializers.ValidationError(
                {"off_session": "Without its customer only a saved card can be charged."}, "invalid"
            )
        return attrs


def check_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """Hold to Stripe's limits: https://docs.stripe.com/api/metadata.

    Raises:
        ValidationError: too many keys, or one that is none.
    """
    if len(metadata) > 40 or any(not 0 < len(key) <= 40 for key in metadata):  # noqa: PLR2004
        raise serializers.ValidationError("At most 40 keys of 1 to 40 characters.")
    if any("\x00" in key for key in metadata):
        raise serializers.ValidationError("Null characters are not allowed.")
    return metadata


def _check_amount(amount: int, currency: str) -> None:
    least, most = currencies.minimum_amount(currency), currencies.maximum_amount(currency)
    if amount < least:
        raise serializers.ValidationError(
            {"amount": f"At least {least} in {currency}."}, "min_value"
        )
    if amount > most:
        raise serializers.ValidationError({"amount": f"At most {most} in {currency}."}, "max_value")
    if amount % currencies.step(currency):
        raise serializers.ValidationError(
            {"amount": f"A multiple of {currencies.step(currency)} in {currency}."}, "invalid"
        )


class ConfirmSerializer(serializers.Serializer[Any]):
    """The customer is back from 3-D Secure, or comes to answer it."""

    return_url = ReturnUrlField()


class CaptureSerializer(serializers.Serializer[Any]):
    """How much to take of what is authorised; all of it, if not told."""

    amount = AmountField(required=False)


class CancelSerializer(serializers.Serializer[Any]):
    """Why the payment is given up, in Stripe's words."""

    reason = serializers.ChoiceField(
        ["duplicate", "fraudulent", "requested_by_customer", "abandoned"], required=False
    )


class RefundRequestSerializer(serializers.Serializer[Any]):
    """How much is to go back; all that is left, if not told."""

    amount = AmountField(required=False)
    reason = serializers.ChoiceField(
        ["duplicate", "fraudulent", "requested_by_customer"], required=False
    )


class AcceptedPaymentSerializer(serializers.Serializer[Payment]):
    """The answer to a request: what was accepted. The same each time the request is repeated."""

    id = serializers.UUIDField()
    status = serializers.CharField()
    amount = serializers.IntegerField()
    currency = serializers.CharField()
    correlation_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()


class AcceptedUpdateSerializer(serializers.Serializer[Any]):
    """The answer to whoever goes on with a payment; watch the payment for a higher revision."""

    id = serializers.UUIDField(help_text="Of what was asked: a refund is known by it.")
    payment = serializers.UUIDField()
    action = serializers.ChoiceField(["confirm", "capture", "cancel", "refund"])
    amount = serializers.IntegerField(allow_null=True)
    revision = serializers.IntegerField(help_text="The payment's when this was asked.")


class RefundSerializer(serializers.Serializer[Any]):
    """A refund, asked for here or made in Stripe's dashboard."""

    id = serializers.UUIDField(
        source="refund_id", allow_null=True, help_text="Null if it was made at Stripe."
    )
    stripe_refund_id = serializers.CharField()
    amount = serializers.IntegerField()
    status = serializers.ChoiceField(
        ["pending", "requires_action", "succeeded", "failed", "canceled"]
    )
    reason = serializers.CharField(allow_null=True)
    error = serializers.CharField(allow_null=True)


class DisputeSerializer(serializers.Serializer[Any]):
    """A customer's bank wants a payment back."""

    id = serializers.CharField(source="dispute_id")
    amount = serializers.IntegerField()
    status = serializers.CharField()
    reason = serializers.CharField(allow_null=True)


class PaymentSerializer(serializers.ModelSerializer[Payment]):
    """A payment as it is now."""

    customer = serializers.UUIDField(source="customer_id", read_only=True)
    refunds = RefundSerializer(many=True, read_only=True)
    disputes = DisputeSerializer(many=True, read_only=True)
    requires_action = serializers.SerializerMethodField()

    class Meta:
        model = Payment
        fields = (
            "id",
            "customer",
            "status",
            "amount",
            "currency",
            "amount_captured",
            "amount_refunded",
            "capture_method",
            "off_session",
            "description",
            "metadata",
            "payment_intent_id",
            "requires_action",
            "client_secret",
            "next_action",
            "error_code",
            "decline_code",
            "error_message",
            "refunds",
            "disputes",
            "dispute_status",
            "revision",
            "correlation_id",
            "created_at",
            "updated_at",
        )

    def get_requires_action(self, payment: Payment) -> bool:
        """Tell whether the bank wants to see the customer (3-D Secure)."""
        return payment.status == PaymentStatus.REQUIRES_ACTION


class PaymentEventSerializer(serializers.ModelSerializer[PaymentEvent]):
    """A line of a payment's history."""

    class Meta:
        model = PaymentEvent
        fields = (
            "event_id",
            "what",
            "source",
            "amount",
            "status",
            "revision",
            "amount_captured",
            "amount_refunded",
            "error_code",
            "at",
        )


class SavedCardSerializer(serializers.ModelSerializer[SavedCard]):
    """A card that can be charged again by its id."""

    id = serializers.CharField(source="payment_method_id", read_only=True)
    customer = serializers.UUIDField(source="customer_id", read_only=True)
    saved_at = serializers.DateTimeField(read_only=True)

    class Meta:
        model = SavedCard
        fields = ("id", "customer", "brand", "last4", "exp_month", "exp_year", "saved_at")
