"""What operators ask for: published, so that it happens in its customer's order."""

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model

from kafka_bridge import outbox
from kafka_bridge.contracts import Event


@transaction.atomic
def ask_once(row: Model, event: Event, *, by: AbstractBaseUser, logged: str) -> bool:
    """Publish an event about the row, and log what was asked; return False if it was before."""
    rows = type(row)._default_manager  # noqa: SLF001 - Django's API
    rows.select_for_update().get(pk=row.pk)  # the same form, submitted twice at once
    if outbox.is_published(event.event_id):
        return False
    LogEntry.objects.create(
        user_id=by.pk,
        content_type=ContentType.objects.get_for_model(row),
        object_id=str(row.pk),
        object_repr=str(row)[:200],
        action_flag=CHANGE,
        change_message=logged,
    )
    outbox.publish(event)
    return True
