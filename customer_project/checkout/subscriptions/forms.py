"""What the browser sends to change a subscription."""

from typing import Final

from django import forms

from customer_project.checkout.forms import PayForm

ACTIONS: Final = ("cancel", "reactivate", "resume", "preview_plan", "change_plan", "pay")
"""What customers may ask for here; a card comes by its own way."""


class SubscribeForm(PayForm):
    """A card, and what the page offered: the plan's version and the free days."""

    version = forms.IntegerField(min_value=1)
    trial_days = forms.IntegerField(min_value=0)


class ChangeForm(forms.Form):
    """A button of the page. `attempt` is the number of requests that the page knew of."""

    attempt = forms.IntegerField(min_value=0)
    action = forms.ChoiceField(choices=[(name, name) for name in ACTIONS])
    at_period_end = forms.BooleanField(required=False)
    plan = forms.SlugField(required=False)
    proration_date = forms.DateTimeField(required=False)
    """Of the preview that was shown."""
