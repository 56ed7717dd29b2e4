"""What the parts of the API do alike with a request."""

from typing import Any, ClassVar, Final, TypeVar

from django.db.models import Model, QuerySet
from rest_framework import mixins, serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from customer_project.askers import Asker, asker_of
from customer_project.customers.models import Customer
from customer_project.payments.filters import CustomerFilter, WaitSerializer
from customer_project.watching import RevisionWatch

LONGEST_WAIT: Final = 30.0

M = TypeVar("M", bound=Model)


class OfCustomersViewSet(mixins.ListModelMixin, GenericViewSet[M]):
    """A list of what the customer who asks has; a merchant sees what all have."""

    filter_serializer: ClassVar[type[CustomerFilter]]

    def get_queryset(self) -> QuerySet[M]:
        """Return the rows that the asker may see; of a list, those that the query chooses."""
        rows, customer = super().get_queryset(), asker_of(self.request).customer
        if customer:
            rows = rows.filter(customer=customer)
        if self.action != "list":
            return rows
        return self.filter_serializer(data=self.request.query_params).narrow(rows)


def validated(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """Return the body as the serializer understands it.

    Raises:
        ValidationError: it does not.
    """
    asked = serializer(data=request.data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def who_pays(asker: Asker, asked: dict[str, Any]) -> Customer:
    """Return the customer who is charged: who asks, or whom the merchant names.

    Raises:
        PermissionDenied: a customer asks for somebody else, or says that they are not there.
        ValidationError: a merchant names nobody, or nobody who is known.
    """
    if asker.customer:
        if asked.get("customer", asker.customer.pk) != asker.customer.pk:
            raise PermissionDenied("You can pay for yourself only.")
        if asked.get("off_session"):
            raise PermissionDenied(
                "Who asks for a payment is there: only merchants say off_session."
            )
        return asker.customer
    if "customer" not in asked:
        raise serializers.ValidationError({"customer": "Say whom to charge."}, "required")
    customer = Customer.objects.filter(pk=asked["customer"]).first()
    if customer is None:
        raise serializers.ValidationError({"customer": "There is no such customer."}, "unknown")
    return customer


def wait_for_news(request: Request, row: Model, *, watch: RevisionWatch) -> dict[str, str]:
    """Wait for news of the row if the query says so, have it fresh, and return the headers.

    Raises:
        ValidationError: the query is nonsense.
    """
    query = WaitSerializer(data=request.query_params)
    query.is_valid(raise_exception=True)
    revision = getattr(row, watch.field)
    known = query.validated_data.get("revision", revision)
    seconds = min(query.validated_data.get("wait", 0), LONGEST_WAIT)
    headers = {}
    if seconds and revision <= known:
        if not watch.wait(row.pk, beyond=known, seconds=seconds):
            headers = {"Retry-After": "1"}
        row.refresh_from_db()
    return headers
