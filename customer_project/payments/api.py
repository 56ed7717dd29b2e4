"""The payments API. It calls nobody: it writes, publishes, and shows what events have told."""

from typing import Any, Final

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from customer_project.askers import asker_of
from customer_project.idempotency.api import accept_once
from customer_project.merchants.models import Scope
from customer_project.payments import services
from customer_project.payments.filters import CustomerFilter, NewestFirst, PaymentFilter
from customer_project.payments.models import Payment, SavedCard
from customer_project.payments.parsers import StrictJSONParser
from customer_project.payments.schema import payments_documented, saved_cards_documented
from customer_project.payments.serializers import (
    AcceptedPaymentSerializer,
    AcceptedUpdateSerializer,
    CancelSerializer,
    CaptureSerializer,
    ConfirmSerializer,
    PaymentEventSerializer,
    PaymentRequestSerializer,
    PaymentSerializer,
    RefundRequestSerializer,
    SavedCardSerializer,
)
from customer_project.requests import OfCustomersViewSet, validated, wait_for_news, who_pays
from customer_project.watching import RevisionWatch

_payments: Final = RevisionWatch(Payment)


@payments_documented
class PaymentViewSet(OfCustomersViewSet[Payment]):
    """Payments of the customer who asks; nobody else's exist for them. Merchants see all."""

    queryset = Payment.objects.all()
    parser_classes = (StrictJSONParser,)
    serializer_class = PaymentSerializer
    filter_serializer = PaymentFilter
    pagination_class = NewestFirst
    scopes: Final = {
        "create": Scope.PAYMENTS_WRITE,
        "confirm": Scope.PAYMENTS_WRITE,
        "capture": Scope.PAYMENTS_WRITE,
        "cancel": Scope.PAYMENTS_WRITE,
        "refunds": Scope.REFUNDS_WRITE,
    }

    def create(self, request: Request) -> HttpResponse:
        """Accept a payment: 202, with the place where its state can be watched."""
        asker = asker_of(request)
        asked = validated(PaymentRequestSerializer, request)
        customer = who_pays(asker, asked)
        payment = services.new_payment(customer=customer, request=asked)
        return accept_once(
            request,
            asker=asker,
            asked=asked,
            body=AcceptedPaymentSerializer(payment).data,
            location=_address(payment),
            effect=lambda: services.accept(
                payment, customer=customer, request=asked, asked_by=asker.name
            ),
        )

    def retrieve(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - get_object reads it
        """Show a payment; with `wait`, as soon as there is something new to show."""
        payment = self.get_object()
        headers = wait_for_news(request, payment, watch=_payments)
        return Response(self.get_serializer(payment).data, headers=headers)

    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: str) -> HttpResponse:  # noqa: ARG002
        """Go on with a payment after 3-D Secure."""
        return self._update(request, "confirm", ConfirmSerializer)

    @action(detail=True, methods=["post"])
    def capture(self, request: Request, pk: str) -> HttpResponse:  # noqa: ARG002
        """Take what is authorised, or a part of it; the rest is given up. Merchants only."""
        return self._update(request, "capture", CaptureSerializer)

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> HttpResponse:  # noqa: ARG002
        """Give up a payment that has not ended. What is authorised, only merchants give up."""
        return self._update(request, "cancel", CancelSerializer)

    @action(detail=True, methods=["post"])
    def refunds(self, request: Request, pk: str) -> HttpResponse:  # noqa: ARG002
        """Give money back. The refund shows among the payment's `refunds`, by the answer's id."""
        return self._update(request, "refund", RefundRequestSerializer)

    @action(detail=True, pagination_class=None)
    def events(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """Tell a payment's history, the oldest first."""
        history = self.get_object().events.order_by("id")
        return Response(PaymentEventSerializer(history, many=True).data)

    def _update(
        self,
        request: Request,
        name: services.Action,
        serializer: type[serializers.Serializer[Any]],
    ) -> HttpResponse:
        asker = asker_of(request)
        asked = validated(serializer, request)
        payment = self.get_object()
        update = services.Update(action=name, **asked)
        accepted = {
            "id": update.event_id,
            "payment": payment.pk,
            "action": name,
            "amount": update.amount,
            "revision": payment.revision,
        }
        return accept_once(
            request,
            asker=asker,
            asked=asked,
            body=AcceptedUpdateSerializer(accepted).data,
            location=_address(payment),
            effect=lambda: services.request_update(
                payment, update, asked_by=asker.name, by_merchant=not asker.customer
            ),
        )


@saved_cards_documented
class SavedCardViewSet(OfCustomersViewSet[SavedCard]):
    """Cards that can be charged again, by their customer or by a merchant."""

    queryset = SavedCard.objects.on_offer()
    serializer_class = SavedCardSerializer
    filter_serializer = CustomerFilter
    pagination_class = type("NewestSavedFirst", (NewestFirst,), {"ordering": "-saved_at"})


def _address(payment: Payment) -> str:
    return reverse("payment-detail", [payment.pk])
