"""Where Stripe delivers webhooks. Verify, one insert, 200: the rest happens elsewhere."""

from http import HTTPStatus
from typing import Any, Final

import orjson
import structlog
from csp.decorators import csp_exempt
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from customer_project.webhooks import services
from customer_project.webhooks.signatures import is_signed

logger = structlog.get_logger(__name__)

MAX_BYTES: Final = 256 * 1024
"""Stripe's largest events are a fraction of it; our event, which holds it twice, fits Kafka."""


@csp_exempt()  # nobody sees its answers
@csrf_exempt
@require_POST
def stripe_webhook(request: HttpRequest) -> JsonResponse:
    """Take a delivery of Stripe's. Anything but 2xx makes Stripe deliver it again later."""
    if int(request.headers.get("Content-Length") or 0) > MAX_BYTES:
        return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "webhook_too_large")
    body, signature = request.body, request.headers.get("Stripe-Signature", "")
    if not is_signed(body, signature=signature, secrets=settings.STRIPE_WEBHOOK_SECRETS):
        return _refusal(HTTPStatus.BAD_REQUEST, "webhook_signature_wrong")
    webhook_event = _read(body)
    if webhook_event is None:
        return _refusal(HTTPStatus.BAD_REQUEST, "webhook_not_understood")
    is_new = services.receive(webhook_event=webhook_event, body=body, signature=signature)
    return JsonResponse({"received": True, "duplicate": not is_new})


def _read(body: bytes) -> dict[str, Any] | None:
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(event, dict) or not isinstance(event.get("id"), str) or not event["id"]:
        return None
    if event.get("object") == "v2.core.event":  # which shows no object, and may have no data
        return event
    data = event.get("data")
    is_event = event.get("object") == "event" and isinstance(event.get("type"), str)
    return event if is_event and isinstance(data, dict) and _shows_object(data) else None


def _shows_object(data: dict[str, Any]) -> bool:
    return isinstance(data.get("object"), dict)


def _refusal(status: HTTPStatus, code: str) -> JsonResponse:
    services.count_refusal(code)
    logger.warning(code)
    return JsonResponse({"error": code}, status=status)
