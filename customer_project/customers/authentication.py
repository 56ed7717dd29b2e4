"""Who is asking, and whether they can pay."""

from typing import TYPE_CHECKING

from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from customer_project.customers.models import Customer

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module by its settings


class CustomerTokenAuthentication(TokenAuthentication):
    """`Authorization: Token …`; token, user and customer in one query."""

    def authenticate_credentials(self, key: str) -> tuple[object, Token]:
        """Look the token up.

        Raises:
            AuthenticationFailed: nobody has this token, or their account is closed.
        """
        try:
            token = Token.objects.select_related("user__customer").get(key=key)
        except Token.DoesNotExist:
            raise AuthenticationFailed("Invalid token.") from None
        if not token.user.is_active:
            raise AuthenticationFailed("User inactive or deleted.")
        return token.user, token


class IsCustomer(BasePermission):
    """Lets those in who have a customer account."""

    message = "This token's user has no customer account, so there is nobody to charge."

    def has_permission(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002
        """Tell whether the user has a customer account."""
        return hasattr(request.user, "customer")


def customer_of(request: Request) -> Customer:
    """Return the customer who asks. `IsCustomer` has seen to it that there is one."""
    customer: Customer = request.user.customer  # type: ignore[union-attr] # see IsCustomer
    return customer
