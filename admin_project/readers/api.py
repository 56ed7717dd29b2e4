"""What all views of the figures have in common."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework.authentication import SessionAuthentication, TokenAuthentication
from rest_framework.views import APIView

from admin_project.readers.authentication import ReaderTokenAuthentication
from admin_project.readers.permissions import VIEW_PAYMENTS, MayReadFigures


class ReaderView(APIView):
    """Read by staff, by session or token, and by systems with a token of their own."""

    authentication_classes = (
        ReaderTokenAuthentication,
        TokenAuthentication,
        SessionAuthentication,
    )
    permission_classes = (MayReadFigures,)
    staff_permission = VIEW_PAYMENTS
    """What staff need, as for the page that shows the same."""


class ReaderTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How a system says who it is."""

    target_class = "admin_project.readers.authentication.ReaderTokenAuthentication"
    name = "readerToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:  # noqa: ARG002
        """Describe the header."""
        return {"type": "http", "scheme": "bearer"}
