"""E-mails that nobody sends or that could not be sent, for the service's health."""

from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Final

from django.db.models import Count, Max
from django.utils import timezone

from customer_project.emails.models import Email
from kafka_bridge.health import Finding

OVERDUE_LIMIT: Final = 300.0
"""Seconds. A mailer looks every two, so an older one means none, or one that cannot keep up."""
_FAILING_ATTEMPTS: Final = 5
"""After so many an e-mail has been tried for five minutes."""


def emails_health() -> Finding:
    """Count the e-mails that were given up, and tell how late the oldest one is that is due."""
    now = timezone.now()
    due = Email.objects.filter(due_at__lte=now).order_by("due_at")
    oldest = due.values_list("due_at", flat=True).first()
    overdue = (now - oldest).total_seconds() if oldest else 0.0
    given_up = Email.objects.filter(given_up_at__isnull=False)
    last = given_up.filter(given_up_at__gte=now - timedelta(days=1)).order_by("-id").first()
    problems = []
    if overdue > OVERDUE_LIMIT:
        problems.append(f"the oldest is overdue by {overdue:.0f} s: see send_emails")
    if _are_all_tried_in_vain():
        problems.append("the mail server has taken none for minutes: see them in Django admin")
    elif last and not _was_one_sent_after(last.id):
        problems.append("none was sent since the last that was given up: see them in Django admin")
    facts = {"given_up": given_up.count(), "oldest_overdue_seconds": round(overdue, 3)}
    return Finding(facts, "; ".join(problems))


def _are_all_tried_in_vain() -> bool:
    """Tell whether several e-mails fail, and none is sent, other than for their addresses."""
    failing = Email.objects.filter(due_at__isnull=False, attempts__gte=_FAILING_ATTEMPTS).exclude(
        error__startswith=SMTPRecipientsRefused.__name__
    )
    of = failing.aggregate(count=Count("id"), last=Max("id"))
    return of["count"] > 1 and not _was_one_sent_after(of["last"])


def _was_one_sent_after(email_id: int) -> bool:
    """Tell whether the mail server takes others: then it is the customer's address."""
    return Email.objects.filter(id__gt=email_id, sent_at__isnull=False).exists()
