"""The backend, under the name by which Django looks for it."""

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that is asked whether it works only if something happened to it."""

    def is_usable(self) -> bool:
        """Tell whether the connection works.

        A server that went down, or ended the session, has closed the socket or written to it. As
        long as there is nothing to read, Django's `SELECT 1` would be a round trip before each
        request to hear what is known. A machine that vanished without a word is noticed by the
        keepalives of TCP (`DATABASES`), or by the first statement.
        """
        if self.connection is None or self.connection.closed:
            return False
        to_read = select.poll()
        to_read.register(self.connection.fileno(), select.POLLIN)
        if self.errors_occurred or to_read.poll(0):
            return super().is_usable()
        return True
