"""What a customer is told when a payment fails."""

from typing import Final, Protocol

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_Text = str | Promise

_OTHER_CARD: Final = _("Your card was declined. Please use another card, or call your bank.")
_CANCELED: Final = _("This payment was canceled. Nothing was charged.")
_NOT_TAKEN: Final = _("This payment could not be made. Nothing was charged. Please try again.")

_MESSAGES: Final[dict[str, _Text]] = {
    "insufficient_funds": _("There is not enough money on this card. Please use another card."),
    "expired_card": _("This card has expired. Please use another card."),
    "incorrect_cvc": _("The security code is not right. Please check it and try again."),
    "invalid_cvc": _("The security code is not right. Please check it and try again."),
    "incorrect_number": _("The card number is not right. Please check it and try again."),
    "processing_error": _("The bank could not process this card just now. Please try again."),
    "card_velocity_exceeded": _("This card has reached its limit. Please use another card."),
    "withdrawal_count_limit_exceeded": _(
        "This card has reached its limit. Please use another card."
    ),
    "card_not_supported": _("This kind of card is not accepted here. Please use another card."),
    "currency_not_supported": _(
        "This card cannot be charged in this currency. Please use another card."
    ),
    "authentication_required": _(
        "Your bank wants to know that it is you. Please try again and follow its steps."
    ),
    "payment_intent_authentication_failure": _(
        "Your bank could not make sure that it is you. Please try again or use another card."
    ),
}
"""By decline code or error code. A lost, stolen or suspicious card is not told apart from any other
decline: https://docs.stripe.com/declines/codes"""


class Failed(Protocol):
    """A payment, an invoice or a subscription: what Stripe said of its last try."""

    status: str
    error_code: str
    decline_code: str


def why_it_failed(payment: Failed) -> _Text:
    """Return a sentence for the customer about a payment that has failed."""
    for code in (payment.decline_code, payment.error_code):
        if code in _MESSAGES:
            return _MESSAGES[code]
    if payment.status == "canceled":
        return _CANCELED
    return _OTHER_CARD if payment.error_code == "card_declined" else _NOT_TAKEN
