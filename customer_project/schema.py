"""The API's description (OpenAPI): what all its parts have in common."""

from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from drf_standardized_errors.openapi_serializers import ClientErrorEnum
from rest_framework import serializers


class MerchantTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How a merchant's system says who it is."""

    target_class = "customer_project.merchants.authentication.MerchantTokenAuthentication"
    name = "merchantToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:  # noqa: ARG002
        """Describe the header."""
        return {"type": "http", "scheme": "bearer"}


class ErrorSerializer(serializers.Serializer[Any]):
    """One thing that is wrong."""

    code = serializers.CharField(help_text="Stable: programs go by it.")
    detail = serializers.CharField(help_text="For people.")
    attr = serializers.CharField(allow_null=True, help_text="The field, if it is one.")


class RefusalSerializer(serializers.Serializer[Any]):
    """Why a request was refused."""

    type = serializers.ChoiceField(ClientErrorEnum.choices)
    errors = ErrorSerializer(many=True)  # type: ignore[assignment] # DRF's name for its own errors


IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    location=OpenApiParameter.HEADER,
    required=True,
    pattern=r"^[\x21-\x7e]{1,255}$",
    description="Of your own choice. A request that is repeated with its key has its effect once, "
    "and the same answer. Keys are known for 30 days.",
)

LOCATION: Final = OpenApiParameter(
    "Location",
    location=OpenApiParameter.HEADER,
    response=[202],
    description="Where to watch what becomes of it.",
)


def refusal(*codes: str) -> OpenApiResponse:
    """Describe a refusal by the codes it may have."""
    return OpenApiResponse(RefusalSerializer, description="Code: " + ", ".join(codes) + ".")


FORBIDDEN: Final = refusal("permission_denied", "scope_missing")
KEY_REUSED: Final = refusal("idempotency_key_reused")
