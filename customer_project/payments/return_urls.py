"""Where customers may be sent after 3-D Secure."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.validators import URLValidator
from rest_framework import serializers

_DEFAULT_PORTS = {"http": 80, "https": 443}


class ReturnUrlField(serializers.CharField):
    """A URL of one of the origins (scheme, host, port) that PAYMENT_RETURN_URLS begin with.

    Whoever can choose where a customer lands after a visit to the bank could show them anything.
    """

    default_error_messages = {  # noqa: RUF012 - DRF's own way to name messages
        "not_allowed": "Customers cannot be sent to this address: "
        "its origin is not among those that this service allows.",
    }

    def __init__(self) -> None:
        super().__init__(
            required=False, max_length=2000, validators=[URLValidator(schemes=["http", "https"])]
        )

    def run_validators(self, value: str) -> None:
        """Refuse what is no URL, then what is not ours."""
        super().run_validators(value)
        if _origin(value) not in {_origin(allowed) for allowed in settings.PAYMENT_RETURN_URLS}:
            self.fail("not_allowed")


def _origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port, the host as it stands: with a user in it, it equals no other.

    Browsers and this parser differ about where a host begins after `\\` and `@`.
    """
    parts = urlsplit(url)
    host, _, port = parts.netloc.lower().partition(":")
    number = int(port) if port.isdecimal() else _DEFAULT_PORTS.get(parts.scheme) if not port else -1
    return parts.scheme, host, number
