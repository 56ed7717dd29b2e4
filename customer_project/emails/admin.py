"""E-mails in Django admin."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from customer_project.emails import services
from customer_project.emails.models import Email
from kafka_bridge.read_only_admin import ReadOnlyAdmin


@admin.register(Email)
class EmailAdmin(ReadOnlyAdmin[Email]):
    """See what customers were told, and what could not be sent; queue that again."""

    list_display = (
        "queued_at",
        "kind",
        "payment_id",
        "subscription_id",
        "sent_at",
        "given_up_at",
        "attempts",
        "error",
    )
    list_filter = ("kind", ("given_up_at", admin.EmptyFieldListFilter))
    search_fields = ("payment__id__exact", "subscription__id__exact")
    search_help_text = "A payment's or a subscription's id, in full"
    ordering = ("-id",)
    raw_id_fields = ("payment", "subscription")
    actions = ("queue_again",)

    def has_queue_permission(self, request: HttpRequest) -> bool:
        """Tell whether the user may change e-mails: what they say, nobody may."""
        return bool(request.user.has_perm("emails.change_email"))

    @admin.action(permissions=["queue"], description="Queue again what was given up")
    def queue_again(self, request: HttpRequest, emails: QuerySet[Email]) -> None:
        """Have the selected ones tried again that were given up."""
        self.message_user(request, f"Queued again: {services.queue_again(emails)}.")
