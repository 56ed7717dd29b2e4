"""`Authorization: Bearer …` of another system, or of staff."""

from typing import ClassVar

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import (
    BaseAuthentication,
    TokenAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from kafka_bridge.tokens.models import ScopedToken
from kafka_bridge.tokens.services import use_token


class ScopedTokenAuthentication(BaseAuthentication):
    """Takes tokens of a kind. They belong to systems, so `request.user` is nobody."""

    kind: ClassVar[type[ScopedToken]]

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ScopedToken] | None:
        """Look the token up; leave other kinds of authorization to others.

        Raises:
            AuthenticationFailed: there is no such token, or it is not valid any more.
        """
        keyword, _, text = get_authorization_header(request).decode("latin-1").partition(" ")
        if keyword.lower() != "bearer" or not self.takes(text):
            return None
        token = use_token(self.kind, text)
        if token is None:
            raise AuthenticationFailed("Invalid token.")
        return AnonymousUser(), token

    def takes(self, text: str) -> bool:  # noqa: ARG002 - for who takes other tokens beside these
        """Tell whether a token is of this kind. All are, where there is no other."""
        return True

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        """Name the scheme."""
        return "Bearer"


class StaffBearerAuthentication(TokenAuthentication):
    """The tokens of staff, under the word that monitors use."""

    keyword = "Bearer"
