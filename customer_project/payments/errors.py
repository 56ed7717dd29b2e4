"""What can be wrong with a request about a payment."""

from typing import Final

from rest_framework import status
from rest_framework.exceptions import APIException


class StateConflict(APIException):
    """The payment is not where this could be done, as far as it is known here."""

    status_code = status.HTTP_409_CONFLICT


class NothingToConfirm(StateConflict):
    """The payment does not wait for its customer."""

    default_code = "nothing_to_confirm"
    default_detail = (
        "Only a payment that requires action or confirmation can be confirmed. "
        "Fetch it to see where it is."
    )


class NothingToCapture(StateConflict):
    """Nothing is authorised that is not captured."""

    default_code = "nothing_to_capture"
    default_detail = "Only a payment that requires capture can be captured."


class PaymentIsFinal(StateConflict):
    """There is nothing left to cancel."""

    default_code = "payment_is_final"
    default_detail = "This payment has ended and cannot be canceled. Refund it if it was captured."


class NotAnsweredYet(StateConflict):
    """Stripe has not answered the request to pay, so there is nothing it could be told about."""

    default_code = "not_answered_yet"
    default_detail = "This payment has only been requested. Try again when its revision is 1."


class NothingToRefund(StateConflict):
    """Nothing was captured, or all of it went back."""

    default_code = "nothing_to_refund"
    default_detail = "Nothing of this payment is left to refund."


class BodyTooLong(APIException):
    """The request's body is longer than any payment needs."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_long"
    default_detail = "The body of this request is too long."


TOO_LARGE: Final = "amount_too_large"
"""The code of an amount that is more than is left."""
