"""What a shop can do more when a customer is to be told of their subscription.

`customer_told` is sent in the transaction of what it tells of, with `kind` (`News`),
`subscription_id`, `invoice_id` (empty if it is about none) and `attempt`, how often that invoice
was tried: once for each revision that is news. E-mails are one of its receivers.
"""

from enum import StrEnum

from django.dispatch import Signal


class News(StrEnum):
    """What there is to tell."""

    RENEWAL_FAILED = "renewal_failed"
    """An invoice was not paid, and Stripe tries again."""
    CHANGE_CARD = "change_card"
    """It is not paid before the customer gives another card."""
    BANK_ASKS = "renewal_bank"
    """It is not paid before the bank has seen the customer."""
    RECOVERED = "recovered"
    """It was paid after all."""
    ENDED = "ended"


customer_told = Signal()
