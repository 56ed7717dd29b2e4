"""What operators fill in about payments."""

from typing import Any
from uuid import uuid4

from django import forms

from kafka_bridge.contracts.currencies import decimals, step
from payment_project.payments.models import Payment
from payment_project.payments.money import in_minor_units, in_units, written


class RefundForm(forms.Form):
    """How much of a payment to give back, and why."""

    amount = forms.DecimalField(min_value=0)
    reason = forms.ChoiceField(
        choices=[
            ("requested_by_customer", "Requested by the customer"),
            ("duplicate", "Paid twice"),
            ("fraudulent", "Fraudulent: Stripe blocks the card and e-mail from then on"),
        ]
    )
    token = forms.UUIDField(widget=forms.HiddenInput)
    """Made with the form, so that submitting it twice is one refund."""

    def __init__(self, data: Any = None, *, payment: Payment) -> None:
        self._payment = payment
        self._left = payment.amount_captured - payment.amount_refunded
        initial = {"amount": in_units(self._left, payment.currency), "token": uuid4()}
        super().__init__(data, initial=initial)
        amount = self.fields["amount"]
        assert isinstance(amount, forms.DecimalField)  # noqa: S101
        amount.help_text = f"In {payment.currency.upper()}."
        smallest = in_units(step(payment.currency), payment.currency)
        amount.widget.attrs |= {"step": str(smallest), "autofocus": True}

    def clean_amount(self) -> int:
        """Read the amount as minor units: what Stripe takes, and no more than is left."""
        units, currency = self.cleaned_data["amount"], self._payment.currency
        amount = in_minor_units(units, currency)
        if in_units(amount, currency) != units:
            places = decimals(currency)
            raise forms.ValidationError(f"{currency.upper()} has {places} decimal places.")
        if amount % step(currency):
            raise forms.ValidationError(f"A multiple of {written(step(currency), currency)}.")
        if not 0 < amount <= self._left:
            raise forms.ValidationError(f"{written(self._left, currency)} can be refunded.")
        return amount
