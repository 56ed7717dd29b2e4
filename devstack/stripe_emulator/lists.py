"""List endpoints: newest first, filtered, paged by `starting_after` and `ending_before`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devstack.stripe_emulator.errors import StripeError, StripeObject
from devstack.stripe_emulator.objects import a_list, public
from devstack.stripe_emulator.routing import Request
from devstack.stripe_emulator.session import Session

Keep = Callable[[StripeObject], bool]
_DEFAULT_LIMIT, _LARGEST_LIMIT = 10, 100


def list_objects(
    request: Request,
    kind: str,
    *,
    where: dict[str, str | None] | None = None,
    keep: Keep | None = None,
) -> StripeObject:
    """Answer a list endpoint: objects of `kind` under the fields of `where` that `keep` accepts."""
    params, session = request.params, request.session
    limit = params.get("limit", _DEFAULT_LIMIT)
    if not 1 <= limit <= _LARGEST_LIMIT:
        raise StripeError(
            f"Invalid integer: {limit}. The limit must be between 1 and {_LARGEST_LIMIT}.",
            param="limit",
            code="parameter_invalid_integer",
        )
    found: list[StripeObject] = []
    backwards, created = "ending_before" in params, params.get("created")
    for _, candidate in session.select(
        kind,
        where={field: value for field, value in (where or {}).items() if value is not None},
        before=_place(session, kind, params, "starting_after"),
        after=_place(session, kind, params, "ending_before"),
        oldest_first=backwards,
    ):
        if not _created_within(candidate, created):
            continue
        if keep is None or keep(candidate):
            found.append(candidate)
        if len(found) > limit:
            break
    page = found[:limit]
    if backwards:
        page.reverse()
    return a_list([public(item) for item in page], url=request.path, has_more=len(found) > limit)


def matches(params: dict[str, Any], *fields: str) -> Keep:
    """Return a filter: each of `fields` that was asked for is equal."""
    wanted = {field: params[field] for field in fields if field in params}
    return lambda item: all(item.get(field) == value for field, value in wanted.items())


def _place(session: Session, kind: str, params: dict[str, Any], param: str) -> int | None:
    if param not in params:
        return None
    session.get(kind, params[param], param=param)
    return session.place(params[param])


def _created_within(candidate: StripeObject, created: int | dict[str, int] | None) -> bool:
    if created is None:
        return True
    at: int = candidate.get("created", 0)
    if isinstance(created, int):
        return at == created
    return created.get("gt", at - 1) < at < created.get("lt", at + 1) and created.get(
        "gte", at
    ) <= at <= created.get("lte", at)
