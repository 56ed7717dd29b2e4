"""What operators fill in."""

from typing import Any

import orjson
from django import forms


class DiscardForm(forms.Form):
    """Why dead events may be forgotten."""

    reason = forms.CharField(
        max_length=500,
        help_text="For whoever asks later. It is logged with your name.",
        widget=forms.TextInput(attrs={"size": 80, "autofocus": True}),
    )


class EditForm(forms.Form):
    """A dead event's value, to be corrected."""

    value = forms.CharField(
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 24, "cols": 100, "spellcheck": "false", "class": "bridge-code"}
        ),
    )

    def clean_value(self) -> bytes:
        """Say where it is no JSON before its contract is asked."""
        text: str = self.cleaned_data["value"]
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise forms.ValidationError(f"This is no JSON: {error}") from None
        return text.encode()

    def add_problems(self, problems: str) -> None:
        """Show each of the contract's complaints on a line of its own."""
        errors: list[Any] = [problem for problem in problems.split("; ") if problem]
        self.add_error("value", errors)
