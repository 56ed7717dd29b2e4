"""What can be wrong with a request to pay."""

from rest_framework import status
from rest_framework.exceptions import APIException


class NothingToConfirm(APIException):
    """The payment does not wait for its customer."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "nothing_to_confirm"
    default_detail = (
        "Only a payment that requires action or confirmation can be confirmed. "
        "Fetch it to see where it is."
    )


class IdempotencyKeyReused(APIException):
    """The key was used before, for another request."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"
    default_detail = (
        "This Idempotency-Key was used for a request with another body. "
        "Send a new key with a new request, and the same body with the same key."
    )


class BodyTooLong(APIException):
    """The request's body is longer than any payment needs."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_long"
    default_detail = "The body of this request is too long."
