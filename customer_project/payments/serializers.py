"""A payment in the API."""

from typing import Any

from django.core.validators import URLValidator
from rest_framework import serializers

from customer_project.payments.models import Payment
from kafka_bridge.contracts import PaymentStatus, currencies


class AmountField(serializers.Field[int, Any, int, Any]):
    """An int in the currency's minor unit: `1999` for 19.99. Anything else is refused."""

    default_error_messages = {  # noqa: RUF012 - DRF's own way to name messages
        "not_an_integer": "Give the amount as an integer in the currency's smallest unit, "
        "for example 1999 for 19.99.",
        "not_positive": "The amount must be positive.",
    }

    def to_internal_value(self, data: Any) -> int:
        """Take an int; a float, a string or a bool might be money gone wrong."""
        if type(data) is not int:
            self.fail("not_an_integer")
        if data <= 0:
            self.fail("not_positive")
        return int(data)

    def to_representation(self, value: int) -> int:
        """Give it as it is."""
        return value


class PaymentRequestSerializer(serializers.Serializer[Any]):
    """What a customer asks to pay."""

    amount = AmountField()
    currency = serializers.CharField(max_length=3)
    payment_method = serializers.RegexField(r"^(pm|card|src)_\w+$", max_length=255)
    return_url = serializers.CharField(
        required=False, max_length=2000, validators=[URLValidator(schemes=["http", "https"])]
    )
    description = serializers.CharField(required=False, max_length=1000)
    metadata = serializers.DictField(
        child=serializers.CharField(max_length=500, allow_blank=True), required=False
    )

    def validate_currency(self, currency: str) -> str:
        """Take the currencies that Stripe charges in."""
        currency = currency.lower()
        if currency not in currencies.SUPPORTED:
            raise serializers.ValidationError(
                f"'{currency}' is not a currency that can be charged in.", "invalid_choice"
            )
        return currency

    def validate_metadata(self, metadata: dict[str, str]) -> dict[str, str]:
        """Hold to Stripe's limits: https://docs.stripe.com/api/metadata."""
        if len(metadata) > 40 or any(not 0 < len(key) <= 40 for key in metadata):  # noqa: PLR2004
            raise serializers.ValidationError("At most 40 keys of 1 to 40 characters.")
        if any("\x00" in key for key in metadata):
            raise serializers.ValidationError("Null characters are not allowed.")
        return metadata

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Hold to what can be charged in the currency."""
        amount, currency = attrs["amount"], attrs["currency"]
        least, most = currencies.minimum_amount(currency), currencies.maximum_amount(currency)
        if amount < least:
            raise serializers.ValidationError(
                {"amount": f"At least {least} in {currency}."}, "min_value"
            )
        if amount > most:
            raise serializers.ValidationError(
                {"amount": f"At most {most} in {currency}."}, "max_value"
            )
        if currency in currencies.THREE_DECIMAL and amount % 10:
            raise serializers.ValidationError(
                {"amount": f"In {currency} the last digit must be 0."}, "invalid"
            )
        return attrs


class AcceptedPaymentSerializer(serializers.ModelSerializer[Payment]):
    """The answer to a request: what was accepted. The same each time the request is repeated."""

    status = serializers.SerializerMethodField()

    class Meta:
        model = Payment
        fields = ("id", "status", "amount", "currency", "correlation_id", "created_at")

    def get_status(self, _payment: Payment) -> str:
        """Tell that Stripe has not been asked yet, as it had not when this was first said."""
        return PaymentStatus.REQUESTED


class PaymentSerializer(serializers.ModelSerializer[Payment]):
    """A payment as it is now."""

    requires_action = serializers.SerializerMethodField()

    class Meta:
        model = Payment
        fields = (
            "id",
            "status",
            "amount",
            "currency",
            "description",
            "metadata",
            "payment_intent_id",
            "requires_action",
            "client_secret",
            "next_action",
            "error_code",
            "decline_code",
            "error_message",
            "revision",
            "correlation_id",
            "created_at",
            "updated_at",
        )

    def get_requires_action(self, payment: Payment) -> bool:
        """Tell whether the bank wants to see the customer (3-D Secure)."""
        return payment.status == PaymentStatus.REQUIRES_ACTION
