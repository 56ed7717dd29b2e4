"""The Idempotency-Key header, which every POST needs."""

import re
from collections.abc import Callable
from typing import Any, Final

from django.http import HttpResponse
from rest_framework import serializers, status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from customer_project.askers import Asker
from customer_project.idempotency.services import Answer, once

_PATTERN: Final = re.compile(r"[\x21-\x7e]{1,255}")


def idempotency_key(request: Request) -> str:
    """Read the header.

    Raises:
        ValidationError: it is missing, or not 1 to 255 printable ASCII characters.
    """
    key: str | None = request.headers.get("Idempotency-Key")
    if key is None:
        raise serializers.ValidationError(
            {
                "Idempotency-Key": "Send this header with a value of your own, a UUID for example, "
                "and send the same value when you repeat the request."
            },
            "required",
        )
    if not _PATTERN.fullmatch(key):
        raise serializers.ValidationError(
            {"Idempotency-Key": "1 to 255 printable ASCII characters, without spaces."}, "invalid"
        )
    return key


def accept_once(
    request: Request,
    *,
    asker: Asker,
    asked: Any,
    body: Any,
    location: str,
    effect: Callable[[], object],
) -> HttpResponse:
    """Answer 202 with `body` and where to watch, having had the effect once for the key.

    `asked` is the request as it was understood; its address counts as a part of it.

    Raises:
        IdempotencyKeyReused: the key came before with another request.
    """
    answer = once(
        asker=asker.name,
        key=idempotency_key(request),
        asked=[request.path, asked],
        answer=Answer(status.HTTP_202_ACCEPTED, location, JSONRenderer().render(body).decode()),
        effect=effect,
    )
    return HttpResponse(
        answer.body,
        status=answer.status_code,
        content_type="application/json",
        headers={"Location": answer.location},
    )
