"""Replacing the handler's call when the service's own are registered."""

from dataclasses import replace

from django.apps import AppConfig


class WithoutStripeConfig(AppConfig):
    """Comes last in INSTALLED_APPS, after the apps whose handler it changes."""

    name = "devstack.bench.without_stripe_call"

    def ready(self) -> None:
        """Answer as Stripe does, without asking it."""
        from kafka_bridge import handlers  # noqa: PLC0415 - needs Django's apps
        from kafka_bridge.contracts import CardPaymentRequested, PaymentStatus  # noqa: PLC0415
        from payment_project.stripe_gateway.states import IntentState  # noqa: PLC0415

        async def answer(event: CardPaymentRequested) -> IntentState:
            return IntentState(
                status=PaymentStatus.SUCCEEDED,
                payment_intent_id=f"pi_{event.event_id.hex}",
                client_secret=f"pi_{event.event_id.hex}_secret",
                card_brand="visa",
                card_country="US",
            )

        charging = handlers.handler_of(CardPaymentRequested)
        handlers._handlers[CardPaymentRequested] = replace(charging, call=answer)  # noqa: SLF001
