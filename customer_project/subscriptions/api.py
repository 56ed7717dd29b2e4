"""The subscriptions API. It calls nobody: it writes, publishes, and shows what events have told."""

from typing import Any, Final

from django.http import HttpResponse
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.viewsets import GenericViewSet

from customer_project.askers import asker_of
from customer_project.idempotency.api import accept_once
from customer_project.merchants.models import Scope
from customer_project.payments.filters import NewestFirst
from customer_project.payments.parsers import StrictJSONParser
from customer_project.requests import OfCustomersViewSet, validated, wait_for_news, who_pays
from customer_project.subscriptions import selectors, services
from customer_project.subscriptions.filters import SubscriptionFilter
from customer_project.subscriptions.models import Plan, Subscription
from customer_project.subscriptions.schema import plans_documented, subscriptions_documented
from customer_project.subscriptions.serializers import (
    AcceptedChangeSerializer,
    AcceptedSubscriptionSerializer,
    CancelSubscriptionSerializer,
    CardSerializer,
    ChangePlanSerializer,
    InvoiceSerializer,
    NothingSerializer,
    PlanSerializer,
    PreviewPlanSerializer,
    SubscriptionEventSerializer,
    SubscriptionRequestSerializer,
    SubscriptionSerializer,
)
from customer_project.watching import RevisionWatch

_subscriptions: Final = RevisionWatch(Subscription, field="changes")


@plans_documented
class PlanViewSet(mixins.ListModelMixin, GenericViewSet[Plan]):
    """What can be subscribed to."""

    serializer_class = PlanSerializer
    pagination_class = None
    queryset = selectors.plans_on_offer()
    scopes: Final = {"list": Scope.SUBSCRIPTIONS_READ}


@subscriptions_documented
class SubscriptionViewSet(OfCustomersViewSet[Subscription]):
    """Subscriptions of the customer who asks; nobody else's exist for them. Merchants see all."""

    queryset = Subscription.objects.all()
    parser_classes = (StrictJSONParser,)
    serializer_class = SubscriptionSerializer
    filter_serializer = SubscriptionFilter
    pagination_class = NewestFirst
    scopes: Final = {
        **dict.fromkeys(("list", "retrieve", "invoices", "events"), Scope.SUBSCRIPTIONS_READ),
        **dict.fromkeys(
            (
                *("create", "cancel", "reactivate", "pause", "resume", "plan", "preview_plan"),
                *("card", "pay", "refresh"),
            ),
            Scope.SUBSCRIPTIONS_WRITE,
        ),
    }

    def create(self, request: Request) -> HttpResponse:
        """Accept a subscription: 202, with the place where its state can be watched."""
        asker = asker_of(request)
        asked = validated(SubscriptionRequestSerializer, request)
        subscription = services.new_subscription(customer=who_pays(asker, asked), request=asked)
        return accept_once(
            request,
            asker=asker,
            asked={**asked, "plan": asked["plan"].slug},
            body=AcceptedSubscriptionSerializer(subscription).data,
            location=_address(subscription),
            effect=lambda: services.accept(
                subscription,
                request=asked,
                asked_by=asker.name,
                by_merchant=asker.customer is None,
            ),
        )

    def retrieve(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - get_object reads it
        """Show a subscription; with `wait`, as soon as there is something new to show."""
        subscription = self.get_object()
        headers = wait_for_news(request, subscription, watch=_subscriptions)
        return Response(self.get_serializer(subscription).data, headers=headers)

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> HttpResponse:  # noqa: ARG002
        """End it, at once or at the end of the paid period."""
        return self._update(request, "cancel", CancelSubscriptionSerializer)

    @action(detail=True, methods=["post"])
    def reactivate(self, request: Request, pk: str) -> HttpResponse:  # noqa: ARG002
        """Take back a cancellation at the end of the period."""
        return self._update(request, "reactivate", NothingSerializer)

    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> HttpResponse:  # noqa: ARG002
        """Charge nothing until it is resumed. Merchants only: it is theirs to give away."""
        _refuse_customers(request)
        return self._update(request, "pause", NothingSerializer)

    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> HttpResponse:  # noqa: ARG002
        """Charge again."""
        return self._update(request, "resume", NothingSerializer)

    @action(detail=True, methods=["post"])
    def plan(self, request: Request, pk: str) -> HttpResponse:  # noqa: ARG002
        """Change to another plan or quantity; the difference is invoiced at once."""
        return self._update(request, "change_plan", ChangePlanSerializer)

    @action(detail=True, methods=["post"], url_path="plan/preview")
    def preview_plan(self, request: Request, pk: str) -> HttpResponse:  # noqa: ARG002
        """Ask what a change would cost. The answer shows as the subscription's `preview`."""
        return self._update(request, "preview_plan", PreviewPlanSerializer)

    @action(detail=True, methods=["post"])
    def card(self, request: Request, pk: str) -> HttpResponse:  # noqa: ARG002
        """Take another card, and pay with it what is open."""
        return self._update(request, "change_card", CardSerializer)

    @action(detail=True, methods=["post"])
    def pay(self, request: Request, pk: str) -> HttpResponse:  # noqa: ARG002
        """Try to pay what is open again, the oldest invoice first, with the card that there is."""
        return self._update(request, "pay", NothingSerializer)

    @action(detail=True, methods=["post"])
    def refresh(self, request: Request, pk: str) -> HttpResponse:  # noqa: ARG002
        """Look again how it is at Stripe: the customer is back from 3-D Secure."""
        return self._update(request, "refresh", NothingSerializer)

    @action(detail=True, pagination_class=None)
    def invoices(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """List a subscription's invoices, the newest first."""
        invoices = selectors.invoices_of(self.get_object())
        return Response(InvoiceSerializer(invoices, many=True).data)

    @action(detail=True, pagination_class=None)
    def events(self, request: Request, pk: str) -> Response:  # noqa: ARG002
        """Tell a subscription's history, the oldest first."""
        history = self.get_object().events.order_by("id")
        return Response(SubscriptionEventSerializer(history, many=True).data)

    def _update(
        self,
        request: Request,
        name: services.Action,
        serializer: type[serializers.Serializer[Any]],
    ) -> HttpResponse:
        asker = asker_of(request)
        asked = validated(serializer, request)
        subscription = self.get_object()
        update = services.Update(action=name, **asked)
        accepted = {
            "id": update.event_id,
            "subscription": subscription.pk,
            "action": name,
            "revision": subscription.changes,
        }
        plan = asked.get("plan")
        return accept_once(
            request,
            asker=asker,
            asked={**asked, "plan": plan.slug} if plan else asked,
            body=AcceptedChangeSerializer(accepted).data,
            location=_address(subscription),
            effect=lambda: services.request_update(subscription, update, asked_by=asker.name),
        )


def _refuse_customers(request: Request) -> None:
    if asker_of(request).customer:
        raise PermissionDenied("Only merchants can pause a subscription.")


def _address(subscription: Subscription) -> str:
    return reverse("subscription-detail", [subscription.pk])
