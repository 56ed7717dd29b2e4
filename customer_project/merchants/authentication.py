"""`Authorization: Bearer …` of a merchant's system."""

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from customer_project.merchants.models import MerchantToken
from customer_project.merchants.services import use_token


class MerchantTokenAuthentication(BaseAuthentication):
    """Takes a merchant's token. It belongs to a system, so `request.user` is nobody."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, MerchantToken] | None:
        """Look the token up; leave other kinds of authorization to others.

        Raises:
            AuthenticationFailed: there is no such token, or it is not valid any more.
        """
        keyword, _, text = get_authorization_header(request).decode("latin-1").partition(" ")
        if keyword.lower() != "bearer":
            return None
        token = use_token(text)
        if token is None:
            raise AuthenticationFailed("Invalid token.")
        return AnonymousUser(), token

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        """Name the scheme."""
        return "Bearer"
