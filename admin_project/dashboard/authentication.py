"""`Authorization: Bearer …`, as Prometheus sends it, with a staff member's token."""

from rest_framework.authentication import TokenAuthentication


class BearerTokenAuthentication(TokenAuthentication):
    """The tokens of the API, under the word that monitors use."""

    keyword = "Bearer"
