"""`Authorization: Bearer …`, as systems and Prometheus send it."""

from admin_project.readers.models import ReaderToken
from kafka_bridge.tokens.authentication import ScopedTokenAuthentication


class ReaderTokenAuthentication(ScopedTokenAuthentication):
    """Takes a reading system's token, and leaves those of staff to others."""

    kind = ReaderToken

    def takes(self, text: str) -> bool:
        """Tell by how it begins."""
        return text.startswith(ReaderToken.beginning)
