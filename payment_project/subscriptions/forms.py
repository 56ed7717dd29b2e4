"""What operators fill in about subscriptions."""

from uuid import uuid4

from django import forms


class ConfirmForm(forms.Form):
    """A button, and what makes pressing it twice one change."""

    token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
