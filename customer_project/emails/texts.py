"""What e-mails say, in their customer's language."""

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from customer_project.emails.models import Email
from customer_project.payments.money import formatted


def message_of(email: Email) -> EmailMessage | None:
    """Write the e-mail; None if there is nobody to tell, or nothing any more."""
    payment = email.payment
    customer = payment.customer
    if not customer.email:
        return None
    if email.kind == Email.Kind.BANK_ASKS and not payment.bank_missed_its_customer:
        return None
    is_receipt = email.kind == Email.Kind.RECEIPT
    with translation.override(customer.language):
        amount = formatted(
            payment.amount_captured if is_receipt else payment.amount,
            payment.currency,
            locale=translation.to_locale(customer.language),
        )
        subject = _("Your payment of %(amount)s") if is_receipt else _("Please confirm %(amount)s")
        context = {
            "payment": payment,
            "amount": amount,
            "link": f"{settings.SHOP_URL}{reverse('payment', args=[payment.pk])}",
        }
        return EmailMessage(
            subject=subject % {"amount": amount},
            body=render_to_string(f"emails/{email.kind}.txt", context),
            to=[customer.email],
            headers={"Message-ID": f"<{email.kind}.{payment.pk}@paybridge.invalid>"},
        )
