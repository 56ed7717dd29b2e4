"""When objects at Stripe were looked at last."""

from django.db import models


class ObjectRead(models.Model):
    """The last look at an object. The table is unlogged: a crash makes for one look more."""

    object_id = models.CharField(max_length=255, primary_key=True)
    begun_at = models.DateTimeField(db_index=True)
    """By the database's clock, as the other."""
    covers_until = models.DateTimeField()
    """When the last look began whose news is recorded: who came before knows nothing newer."""

    def __str__(self) -> str:
        return self.object_id
