"""What operators fill in about subscriptions. The fields are those of an `Update`."""

from typing import Any, Final

from django import forms

from customer_project.subscriptions.models import Subscription
from customer_project.subscriptions.selectors import plans_on_offer
from kafka_bridge.contracts.base import new_event_id


class ConfirmForm(forms.Form):
    """A button, and the id that makes pressing it twice one change."""

    event_id = forms.UUIDField(widget=forms.HiddenInput, initial=new_event_id)


class PlanForm(ConfirmForm):
    """Another plan, or the same at its price of now."""

    def __init__(self, *args: Any, subscription: Subscription) -> None:
        super().__init__(*args)
        on_offer = plans_on_offer().filter(currency=subscription.currency)
        self.fields["plan"] = forms.ModelChoiceField(on_offer)


class CardForm(ConfirmForm):
    """One of the customer's saved cards."""

    def __init__(self, *args: Any, subscription: Subscription) -> None:
        super().__init__(*args)
        saved = subscription.customer.saved_cards.on_offer()
        self.fields["payment_method"] = forms.ModelChoiceField(saved, label="Card")

    def clean_payment_method(self) -> str:
        """Return what Stripe calls the card."""
        return str(self.cleaned_data["payment_method"].pk)


FORMS: Final = {"plan": PlanForm, "card": CardForm}
"""Of the changes that take more than a button."""
