"""Webhook endpoints: who is told about events."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from devstack.stripe_emulator.errors import StripeError, StripeObject, resource_missing
from devstack.stripe_emulator.lists import list_objects
from devstack.stripe_emulator.objects import hidden, merged_metadata, public, random_word
from devstack.stripe_emulator.routing import Request, Routes
from devstack.stripe_emulator.session import Session

routes = Routes()


@routes.add("POST", "/v1/webhook_endpoints", "WebhookEndpointCreateParams")
def create(request: Request) -> StripeObject:
    """Create an endpoint. Its secret is in this answer and in no other."""
    session, params = request.session, request.params
    endpoint = session.create(
        "webhook_endpoint",
        api_version=params.get("api_version"),
        description=params.get("description"),
        enabled_events=params["enabled_events"],
        metadata=merged_metadata({}, params.get("metadata", {})),
        status="enabled",
        url=_checked_url(params["url"]),
    )
    secret = f"whsec_{random_word(32)}"
    hidden(endpoint)["secret"] = secret
    return {**public(endpoint), "secret": secret}


@routes.add("GET", "/v1/webhook_endpoints", "WebhookEndpointListParams")
def index(request: Request) -> StripeObject:
    """List the endpoints."""
    return list_objects(
        request,
        "webhook_endpoint",
        keep=lambda endpoint: not hidden(endpoint).get("deleted"),
    )


@routes.add("GET", "/v1/webhook_endpoints/{id}", "WebhookEndpointRetrieveParams")
def retrieve(request: Request) -> StripeObject:
    """Retrieve an endpoint."""
    return _existing(request.session, request.id)


@routes.add("POST", "/v1/webhook_endpoints/{id}", "WebhookEndpointUpdateParams")
def update(request: Request) -> StripeObject:
    """Change an endpoint, or disable it."""
    session, params = request.session, request.params
    endpoint = _existing(session, request.id)
    changes: dict[str, Any] = {
        name: params[name] for name in ("description", "enabled_events") if name in params
    }
    if "url" in params:
        changes["url"] = _checked_url(params["url"])
    if "metadata" in params:
        changes["metadata"] = merged_metadata(endpoint["metadata"], params["metadata"])
    if "disabled" in params:
        changes["status"] = "disabled" if params["disabled"] else "enabled"
    return session.save(endpoint, **changes)


@routes.add("DELETE", "/v1/webhook_endpoints/{id}", "WebhookEndpointDeleteParams")
def delete(request: Request) -> StripeObject:
    """Delete an endpoint; what it was still to be told is dropped."""
    session = request.session
    endpoint = _existing(session, request.id)
    hidden(endpoint)["deleted"] = True
    session.save(endpoint)
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}


def _existing(session: Session, endpoint_id: str) -> StripeObject:
    endpoint = session.get("webhook_endpoint", endpoint_id)
    if hidden(endpoint).get("deleted"):
        raise resource_missing("webhook_endpoint", endpoint_id)
    return endpoint


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise StripeError(
            "Invalid URL: An explicit scheme (such as https) must be provided.",
            code="url_invalid",
            param="url",
        )
    return url
