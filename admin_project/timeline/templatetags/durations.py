"""Times and durations in templates."""

from datetime import datetime, timedelta

from django import template

from admin_project.timeline import hops

register = template.Library()


@register.filter
def duration(value: timedelta | None) -> str:
    """Write how long something took."""
    return "" if value is None else hops.written(value)


@register.filter
def clock(value: datetime) -> str:
    """Write a time of day to the millisecond."""
    return hops.clock(value)
