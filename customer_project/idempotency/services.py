"""Doing once what is asked with one key."""

import hashlib
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson
from django.db import connection, transaction

from customer_project.idempotency.errors import IdempotencyKeyReused
from customer_project.idempotency.models import IdempotencyKey
from kafka_bridge.retention import purges

_CLAIM: Final = """
INSERT INTO idempotency_idempotencykey
    (asker, key, request_hash, status_code, location, body, created_at)
VALUES (%s, %s, %s, %s, %s, %s, clock_timestamp())
ON CONFLICT (asker, key) DO NOTHING RETURNING id
"""
purges(
    """
    DELETE FROM idempotency_idempotencykey WHERE created_at < clock_timestamp() - %s::interval
    AND id IN (SELECT id FROM idempotency_idempotencykey ORDER BY id LIMIT %s)
    """
)


class Answer(NamedTuple):
    """What is answered to a request that is accepted."""

    status_code: int
    location: str
    body: str


def once(
    *, asker: str, key: str, asked: Any, answer: Answer, effect: Callable[[], object]
) -> Answer:
    """Have the effect and give the answer; if the key came before, give the answer of that time.

    `asked` is what tells one request from another, as JSON values. Key and effect are of one
    transaction: if `effect` raises, the key is not used up. Whoever comes with the key meanwhile
    waits for its end.

    Raises:
        IdempotencyKeyReused: the key came before with something else asked.
    """
    request_hash = hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()
    with transaction.atomic():
        if _claim(asker, key, request_hash, answer):
            effect()
            return answer
    used = IdempotencyKey.objects.get(asker=asker, key=key)
    if used.request_hash != request_hash:
        raise IdempotencyKeyReused
    return Answer(used.status_code, used.location, used.body)


def _claim(asker: str, key: str, request_hash: str, answer: Answer) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [asker, key, request_hash, *answer])
        return cursor.fetchone() is not None
