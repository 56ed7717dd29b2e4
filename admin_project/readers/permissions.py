"""Who may read the figures."""

from typing import TYPE_CHECKING, Final

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from admin_project.readers.models import ReaderToken, Scope

if TYPE_CHECKING:
    from rest_framework.views import APIView

VIEW_PAYMENTS: Final = "analytics.view_paymentfact"


class MayReadFigures(BasePermission):
    """Staff who may see the pages of it, and tokens with the scope for it."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Tell whether they may."""
        if isinstance(request.auth, ReaderToken):
            return Scope.ANALYTICS_READ in request.auth.scopes
        return request.user.is_staff and request.user.has_perm(
            getattr(view, "staff_permission", VIEW_PAYMENTS)
        )
