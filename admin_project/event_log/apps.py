"""Names the app as operators read it."""

from django.apps import AppConfig


class EventLogConfig(AppConfig):
    """Every event, as it happened."""

    name = "admin_project.event_log"
    verbose_name = "Events"
