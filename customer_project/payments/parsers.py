"""Reading request bodies."""

from collections.abc import Mapping
from typing import IO, Any, Final

import orjson
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from customer_project.payments.errors import BodyTooLong

LONGEST_BODY: Final = 256 * 1024
"""Bytes. The longest metadata that is allowed takes half of it, however it is escaped."""


class StrictJSONParser(JSONParser):
    """JSON as RFC 8259 has it: UTF-8, no NaN, no half surrogate pairs; bounded in length and depth.

    Django's limit on bodies holds for forms only, and Python's reader ends in a RecursionError.
    """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 - DRF's signature
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> Any:
        """Read the body.

        Raises:
            BodyTooLong: it is longer than `LONGEST_BODY`.
            ParseError: it is not JSON.
        """
        body = stream.read(LONGEST_BODY + 1)
        if len(body) > LONGEST_BODY:
            raise BodyTooLong
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"JSON parse error - {error}") from error
