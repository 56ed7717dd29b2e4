"""What can be wrong with a request about a subscription."""

from customer_project.payments.errors import StateConflict


class NotAnsweredYet(StateConflict):
    """Stripe has not answered the request to subscribe, so there is nothing to change."""

    default_code = "not_answered_yet"
    default_detail = "This subscription has only been requested. Try again when its status says so."


class SubscriptionHasEnded(StateConflict):
    """Nothing can be done about it any more."""

    default_code = "subscription_has_ended"
    default_detail = "This subscription has ended. Subscribe again."


class NotBegun(StateConflict):
    """Its first invoice is not paid."""

    default_code = "subscription_incomplete"
    default_detail = "This subscription has not begun: its first invoice is not paid."


class NotPaidFor(StateConflict):
    """An invoice is not paid, and a change would credit what nobody paid."""

    default_code = "subscription_unpaid"
    default_detail = "An invoice of this subscription is not paid. Pay it first."


class IsPaused(StateConflict):
    """Nothing is collected, and a change would credit what nobody paid."""

    default_code = "subscription_paused"
    default_detail = "This subscription is paused. Resume it first."


class NothingToReactivate(StateConflict):
    """It is not to end."""

    default_code = "nothing_to_reactivate"
    default_detail = "This subscription is not to end, so there is no cancellation to take back."


class NotPaused(StateConflict):
    """It runs."""

    default_code = "not_paused"
    default_detail = "This subscription is not paused."


class NoOpenInvoice(StateConflict):
    """There is nothing to pay."""

    default_code = "no_open_invoice"
    default_detail = "No invoice of this subscription waits to be paid."


class NotPreviewed(StateConflict):
    """It is not the change that was previewed, or the preview was too long ago."""

    default_code = "not_previewed"
    default_detail = (
        "This date is not that of the latest preview, for this plan and quantity at the plan's "
        "price of now, or it is more than an hour ago. Ask for a preview again."
    )
