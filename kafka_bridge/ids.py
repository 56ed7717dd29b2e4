"""Ids that others may have written."""

from uuid import UUID


def uuid_or_none(text: str | None) -> UUID | None:
    """Read a UUID; None if it is none, as somebody else's id may be."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
