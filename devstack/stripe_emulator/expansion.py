"""`expand`: ids replaced by the objects they name, and fields that only appear when asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devstack.stripe_emulator.errors import StripeError, StripeObject
from devstack.stripe_emulator.objects import public
from devstack.stripe_emulator.session import Session

_DEEPEST = 4

EXPANDABLE: dict[str, set[str]] = {
    "balance_transaction": {"source"},
    "charge": {"balance_transaction", "customer", "payment_intent"},
    "confirmation_token": set(),
    "customer": {"default_source", "invoice_settings.default_payment_method", "test_clock"},
    "dispute": {"charge", "payment_intent"},
    "invoice": {
        "customer",
        "default_payment_method",
        "parent.subscription_details.subscription",
        "test_clock",
    },
    "invoice_payment": {"invoice", "payment.payment_intent", "payment.charge"},
    "invoiceitem": {"customer", "invoice", "test_clock"},
    "line_item": {"subscription"},
    "payment_intent": {"customer", "latest_charge", "payment_method"},
    "payment_method": {"customer"},
    "price": {"product"},
    "product": {"default_price"},
    "refund": {"balance_transaction", "charge", "payment_intent"},
    "setup_attempt": {"customer", "payment_method", "setup_intent"},
    "setup_intent": {"customer", "latest_attempt", "payment_method"},
    "subscription": {
        "customer",
        "default_payment_method",
        "latest_invoice",
        "pending_setup_intent",
        "test_clock",
    },
}

Include = Callable[[Session, StripeObject], Any]
_INCLUDABLE: dict[tuple[str, str], Include] = {}


def includable(kind: str, name: str) -> Callable[[Include], Include]:
    """Make the decorated function the value of a field that is only shown when expanded."""

    def register(include: Include) -> Include:
        _INCLUDABLE[kind, name] = include
        return include

    return register


def expand(session: Session, answer: StripeObject, paths: list[str]) -> StripeObject:
    """Return the answer as the API shows it, with every path in `paths` expanded."""
    shown = public(answer)
    for path in paths:
        segments = path.split(".")
        if len(segments) - (segments[0] == "data") > _DEEPEST:
            raise StripeError(
                f"You cannot expand more than {_DEEPEST} levels of a property. Property: {path}",
                param="expand",
            )
        shown = _expanded(session, shown, segments, path, owner=shown, trail="")
    return shown


def _expanded(
    session: Session, node: Any, segments: list[str], path: str, *, owner: StripeObject, trail: str
) -> Any:
    """Return a copy of `node` with `segments` expanded below it.

    `owner` is the API object `node` belongs to and `trail` the way from there: what may be expanded
    is a property of that object.
    """
    if isinstance(node, list):
        return [
            _expanded(session, item, segments, path, owner=_owner(item, owner), trail=trail)
            for item in node
        ]
    if not segments or node is None:
        return node
    name, *rest = segments
    if not isinstance(node, dict):
        raise _not_expandable(path)
    copied = dict(node)
    kind = owner.get("object", "")
    here = f"{trail}.{name}" if trail else name
    include = _INCLUDABLE.get((kind, here)) if node is owner else None
    value = node.get(name)
    if include and value is None:
        stored = session.find(owner.get("id", "")) or owner
        value = include(session, stored)
    elif isinstance(value, str):
        if here not in EXPANDABLE.get(kind, ()):
            raise _not_expandable(path)
        value = public(session.the(value))
    elif not isinstance(value, dict | list) and (value is not None or here not in _known(kind)):
        raise _not_expandable(path)
    if isinstance(value, dict) and "object" in value:
        copied[name] = _expanded(session, value, rest, path, owner=value, trail="")
    elif isinstance(value, list) and kind in ("list", "search_result"):
        copied[name] = _expanded(session, value, rest, path, owner=owner, trail="")
    else:
        copied[name] = _expanded(session, value, rest, path, owner=owner, trail=here)
    return copied


def _owner(item: Any, owner: StripeObject) -> StripeObject:
    return item if isinstance(item, dict) and "object" in item else owner


def _known(kind: str) -> set[str]:
    """Return what may be expanded on a kind, and the ways that lead there."""
    names = EXPANDABLE.get(kind, set()) | {name for of, name in _INCLUDABLE if of == kind}
    return (
        names
        | {name.rpartition(".")[0] for name in names}
        | {name.partition(".")[0] for name in names}
    )


def _not_expandable(path: str) -> StripeError:
    return StripeError(f"This property cannot be expanded ({path}).", param="expand")
