"""Which webhooks this service wants: the one list, for the endpoint at Stripe too.

`payment_intent.created` and `setup_intent.created` are left out: there is one for each payment, and
it tells nothing that the answer to the call that made it, or its subscription, has not told.
"""

from typing import Final

HANDLED: Final = (
    *(
        f"payment_intent.{name}"
        for name in (
            *("succeeded", "processing", "payment_failed", "requires_action"),
            *("amount_capturable_updated", "partially_funded", "canceled"),
        )
    ),
    *(
        f"setup_intent.{name}"
        for name in ("succeeded", "requires_action", "setup_failed", "canceled")
    ),
    "charge.refunded",
    *(f"refund.{name}" for name in ("created", "updated", "failed")),
    *(
        f"charge.dispute.{name}"
        for name in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
    ),
    *(
        f"invoice.{name}"
        for name in (
            *("created", "finalized", "updated", "paid", "payment_failed"),
            *("payment_action_required", "voided", "marked_uncollectible"),
        )
    ),
    *(
        f"customer.subscription.{name}"
        for name in (
            *("created", "updated", "deleted", "paused", "resumed", "trial_will_end"),
            *("pending_update_applied", "pending_update_expired"),
        )
    ),
    *(
        f"payment_method.{name}"
        for name in ("attached", "detached", "updated", "automatically_updated")
    ),
    "customer.updated",
    "customer.deleted",
)
"""https://docs.stripe.com/api/events/types"""
