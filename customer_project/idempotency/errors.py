"""What can be wrong with a key."""

from rest_framework import status
from rest_framework.exceptions import APIException


class IdempotencyKeyReused(APIException):
    """The key was used before, for another request."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"
    default_detail = (
        "This Idempotency-Key was used for a request with another body. "
        "Send a new key with a new request, and the same body with the same key."
    )
