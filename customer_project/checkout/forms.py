"""What the browser sends to pay."""

from django import forms
from django.core.validators import RegexValidator


class PayForm(forms.Form):
    """A ConfirmationToken of Stripe.js: nothing of the card itself ever comes here."""

    attempt = forms.IntegerField(min_value=0)
    confirmation_token = forms.CharField(
        max_length=255, validators=[RegexValidator(r"^ctoken_\w+$")]
    )
    save_card = forms.BooleanField(required=False)


class AnsweredForm(forms.Form):
    """At which revision of the payment the customer answered the bank."""

    answered = forms.IntegerField(min_value=0, required=False)
