"""Which function answers which endpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from devstack.stripe_emulator.errors import StripeObject, refused
from devstack.stripe_emulator.session import Session


class Params(dict[str, Any]):
    """Checked parameters that know which of them were looked at.

    What no handler looks at has no effect here, although it would have one at Stripe: such a
    request is refused rather than half obeyed.
    """

    def __init__(self, checked: dict[str, Any]) -> None:
        super().__init__(checked)
        self._unread = set(checked)

    def __getitem__(self, name: str) -> Any:
        self._unread.discard(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._unread.discard(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a parameter, or the default."""
        self._unread.discard(name)
        return super().get(name, default)

    def read_all(self) -> dict[str, Any]:
        """Return all of them, to be handed on."""
        self._unread.clear()
        return dict(self)

    def check_all_read(self) -> None:
        """Raise `StripeError` if the emulator does nothing with a parameter."""
        if self._unread:
            name = min(self._unread)
            raise refused(f"The parameter `{name}` is not emulated here.", param=name)


@dataclass
class Request:
    """A checked request: `params` have their types, `ids` are those of the path."""

    session: Session
    params: Params
    ids: list[str] = field(default_factory=list)
    path: str = ""
    publishable: bool = False

    @property
    def id(self) -> str:
        """Return the id of the object the path names."""
        return self.ids[0]


Handler = Callable[[Request], StripeObject]


@dataclass(frozen=True)
class Route:
    """An endpoint.

    `params_type` is the type of `stripe.params` that checks its requests. `publishable` endpoints
    answer a publishable key too, which must then prove itself by the object's client secret.
    """

    handler: Handler
    params_type: str
    publishable: bool = False


class Routes:
    """The endpoints of a resource, or of all of them."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, tuple[str, ...]], Route] = {}

    def add(
        self, method: str, template: str, params_type: str, *, publishable: bool = False
    ) -> Callable[[Handler], Handler]:
        """Answer `method` on a path such as `/v1/customers/{id}` with the decorated function."""

        def register(handler: Handler) -> Handler:
            key = method, tuple(template.strip("/").split("/"))
            if key in self._routes:
                raise ValueError(f"two handlers for {method} {template}")
            self._routes[key] = Route(handler, params_type, publishable)
            return handler

        return register

    def include(self, other: Routes) -> None:
        """Take over the endpoints of a resource."""
        overlap = self._routes.keys() & other._routes.keys()
        if overlap:
            raise ValueError(f"two handlers for {sorted(overlap)}")
        self._routes.update(other._routes)

    def match(self, method: str, path: str) -> tuple[Route, list[str]]:
        """Return the endpoint and the ids in the path, or raise Stripe's 404."""
        segments = path.strip("/").split("/")
        for key, ids in _candidates(segments):
            route = self._routes.get((method, key))
            if route:
                return route, ids
        raise refused(
            f"Unrecognized request URL ({method}: {path}). If you are trying to list objects,"
            " remove the trailing slash. If you are trying to retrieve an object, make sure you"
            " passed a valid (non-empty) identifier in your code. Please see"
            " https://stripe.com/docs or we can help at https://support.stripe.com/.",
            status=404,
        )


def _candidates(segments: list[str]) -> list[tuple[tuple[str, ...], list[str]]]:
    """Return the templates a path may have: literal first, then with ids in its usual places."""
    literal = tuple(segments)
    first = 3 if segments[1:2] == ["test_helpers"] else 2
    candidates: list[tuple[tuple[str, ...], list[str]]] = [(literal, [])]
    if len(segments) > first:
        one = (*literal[:first], "{id}", *literal[first + 1 :])
        candidates.append((one, [segments[first]]))
        if len(segments) > first + 2:
            two = (*one[: first + 2], "{id}", *one[first + 3 :])
            candidates.append((two, [segments[first], segments[first + 2]]))
    return candidates
