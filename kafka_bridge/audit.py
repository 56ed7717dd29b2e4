"""Who did what to which event: entries in Django admin's own log."""

import getpass
from collections.abc import Sequence
from typing import Final

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet

from kafka_bridge.models import InboxEvent

COMMAND_LINE: Final = "manage.py"
"""The user that stands in the log for whoever has a shell. Inactive: nobody logs in as it."""


def record(events: Sequence[InboxEvent], *, by: AbstractBaseUser, what: str) -> None:
    """Log that a user did something to the events, in the transaction that does it."""
    if by.get_username() == COMMAND_LINE:
        what = f"{what} (on the command line, as {getpass.getuser()})"
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=by.pk,
            content_type=_content_type(),
            object_id=str(event.pk),
            object_repr=str(event)[:200],
            action_flag=CHANGE,
            change_message=what,
        )
        for event in events
    )


def entries_of(event: InboxEvent) -> QuerySet[LogEntry]:
    """Find what was done to an event, the latest first."""
    return LogEntry.objects.filter(
        content_type=_content_type(), object_id=str(event.pk)
    ).select_related("user")


def command_line_user() -> AbstractBaseUser:
    """Return the user for what is done on the command line, made when first needed."""
    users = get_user_model()
    user, created = users.objects.get_or_create(
        username=COMMAND_LINE, defaults={"is_active": False}
    )
    if created:
        user.set_unusable_password()
        user.save()
    return user


def _content_type() -> ContentType:
    return ContentType.objects.get_for_model(InboxEvent)
