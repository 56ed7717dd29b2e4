"""What e-mails say, in their customer's language."""

from typing import Any, Final

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customer_project.customers.models import Customer
from customer_project.emails.models import Email
from customer_project.payments.models import Payment
from customer_project.payments.money import formatted
from customer_project.subscriptions.models import Invoice, Subscription
from customer_project.subscriptions.selectors import plan_named

_SUBJECTS: Final[dict[str, Promise | str]] = {
    Email.Kind.RECEIPT: _("Your payment of %(amount)s"),
    Email.Kind.BANK_ASKS: _("Please confirm %(amount)s"),
    Email.Kind.RENEWAL_FAILED: _("%(plan)s: %(amount)s could not be paid yet"),
    Email.Kind.CHANGE_CARD: _("%(plan)s: please use another card"),
    Email.Kind.RENEWAL_BANK: _("%(plan)s: please confirm %(amount)s"),
    Email.Kind.RECOVERED: _("%(plan)s: %(amount)s is paid"),
    Email.Kind.ENDED: _("%(plan)s: your subscription has ended"),
}
_CUSTOMER_CAN: Final[dict[str, str]] = {
    Email.Kind.RENEWAL_FAILED: "wait",
    Email.Kind.CHANGE_CARD: "change_card",
    Email.Kind.RENEWAL_BANK: "authenticate",
}


def message_of(email: Email) -> EmailMessage | None:
    """Write the e-mail; None if there is nobody to tell, or nothing any more."""
    if email.payment:
        return _of_payment(email, email.payment)
    if email.subscription:
        return _of_subscription(email, email.subscription)
    return None


def _of_payment(email: Email, payment: Payment) -> EmailMessage | None:
    if email.kind == Email.Kind.BANK_ASKS and not payment.bank_missed_its_customer:
        return None
    is_receipt = email.kind == Email.Kind.RECEIPT
    return _message(
        email,
        payment.customer,
        of=str(payment.pk),
        amount=payment.amount_captured if is_receipt else payment.amount,
        currency=payment.currency,
        page=reverse("payment", args=[payment.pk]),
        payment=payment,
    )


def _of_subscription(email: Email, subscription: Subscription) -> EmailMessage | None:
    invoice = Invoice.objects.filter(id=email.invoice_id).first()
    if not _is_so_still(email, subscription, invoice):
        return None
    parts = (str(subscription.pk), email.invoice_id, str(email.invoice_attempt))
    return _message(
        email,
        subscription.customer,
        of=".".join(filter(None, parts)),
        amount=invoice.amount_due if invoice else subscription.amount,
        currency=subscription.currency,
        page=reverse("my-subscription", args=[subscription.pk]),
        subscription=subscription,
        invoice=invoice,
    )


def _is_so_still(email: Email, subscription: Subscription, invoice: Invoice | None) -> bool:
    if email.kind == Email.Kind.ENDED:
        return subscription.has_ended
    if email.kind == Email.Kind.RECOVERED:
        return invoice is not None and invoice.status == "paid"
    is_open = invoice is not None and invoice.status == "open" and not subscription.has_ended
    return is_open and invoice.customer_can == _CUSTOMER_CAN[email.kind]  # type: ignore[union-attr]


def _message(
    email: Email,
    customer: Customer,
    *,
    of: str,
    amount: int,
    currency: str,
    page: str,
    **about: Any,
) -> EmailMessage | None:
    if not customer.email:
        return None
    with translation.override(customer.language):
        locale = translation.to_locale(customer.language)
        texts = {"amount": formatted(amount, currency, locale=locale), "plan": _plan_of(email)}
        context = {**about, **texts, "name": customer.name, "link": f"{settings.SHOP_URL}{page}"}
        return EmailMessage(
            subject=str(_SUBJECTS[email.kind]) % texts,
            body=render_to_string(f"emails/{email.kind}.txt", context),
            to=[customer.email],
            headers={"Message-ID": f"<{email.kind}.{of}@paybridge.invalid>"},
        )


def _plan_of(email: Email) -> str:
    if email.subscription is None:
        return ""
    plan = plan_named(email.subscription.subscription_plan_id)
    return plan.name if plan else email.subscription.subscription_plan_id
