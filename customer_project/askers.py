"""Who asks the API: a customer for themselves, or a merchant's system for any customer."""

import time
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

from django.conf import settings
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from customer_project.customers.models import Customer
from customer_project.merchants.models import MerchantToken, Scope

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module by its settings

_OF_CUSTOMERS: Final = frozenset(
    {
        Scope.PAYMENTS_READ,
        Scope.PAYMENTS_WRITE,
        Scope.SUBSCRIPTIONS_READ,
        Scope.SUBSCRIPTIONS_WRITE,
    }
)
_BURST: Final = 10.0
"""Seconds of the allowed rate that may be used up at once."""
_FORGET_AT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and what for."""

    name: str
    """Unique among all: idempotency keys, limits and the history go by it."""
    customer: Customer | None
    """Whose things they may see and do; None: everybody's."""
    scopes: frozenset[str]
    rate_limit: float
    """Requests a second; 0 is no limit."""


def asker_of(request: Request) -> Asker:
    """Return who asks.

    Raises:
        PermissionDenied: the token is nobody's who could ask for anything here.
    """
    if isinstance(request.auth, MerchantToken):
        return Asker(
            name=f"merchant:{request.auth.pk}",
            customer=None,
            scopes=frozenset(request.auth.scopes),
            rate_limit=settings.API_MERCHANT_RATE_LIMIT,
        )
    if isinstance(request.auth, Customer):
        return Asker(
            name=f"customer:{request.auth.pk}",
            customer=request.auth,
            scopes=_OF_CUSTOMERS,
            rate_limit=settings.API_CUSTOMER_RATE_LIMIT,
        )
    raise PermissionDenied(
        "This token's user has no customer account, so there is nobody to charge."
    )


class HasScope(BasePermission):
    """Lets those in who may do what they ask for: the view's `scopes` name it by action."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Tell whether they may.

        Raises:
            PermissionDenied: they may not, with the scope that is missing.
        """
        if request.auth is None:
            return False
        scopes: dict[str, Scope] = getattr(view, "scopes", {})
        needed = scopes.get(getattr(view, "action", ""), Scope.PAYMENTS_READ)
        if needed not in asker_of(request).scopes:
            raise PermissionDenied(f"This takes a token with the scope {needed}.", "scope_missing")
        return True


class AskerThrottle(BaseThrottle):
    """Limits how often each asker asks, by the generic cell rate algorithm.

    It counts in this process's memory: the service has no cache that its processes share, and a
    limit against excess need not be exact. Of several web processes each allows the whole rate.
    https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm
    """

    _used_until: Final[dict[str, float]] = {}
    _lock: Final = Lock()

    def __init__(self) -> None:
        self._seconds = 0.0

    def allow_request(self, request: Request, view: "APIView") -> bool:  # noqa: ARG002
        """Count a request, unless there have been too many. Pages for anybody have no limit."""
        if request.auth is None:
            return True
        asker = asker_of(request)
        if asker.rate_limit:
            self._seconds = self._take(asker.name, 1 / asker.rate_limit)
        return self._seconds <= 0

    def wait(self) -> float:
        """Return after how many seconds the next request is allowed."""
        return self._seconds

    def _take(self, name: str, interval: float) -> float:
        now = time.monotonic()
        with self._lock:
            used_until = max(self._used_until.get(name, now), now) + interval
            too_early = used_until - now - max(_BURST, interval)
            if too_early <= 0:
                self._used_until[name] = used_until
            if len(self._used_until) > _FORGET_AT:
                for other in [one for one, until in self._used_until.items() if until < now]:
                    del self._used_until[other]
        return too_early
