"""Requests checked against `stripe.params`: the SDK's own types are the reference.

A type is resolved when its endpoint is first called and kept, so that starting stays quick.
"""

from __future__ import annotations

import functools
import importlib
import re
import types
import typing
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import typing_extensions

from devstack.stripe_emulator.errors import StripeError, refused
from devstack.stripe_emulator.forms import Raw

_INTEGER = re.compile(r"-?\d{1,18}")
_WRAPPERS = (typing_extensions.NotRequired, typing_extensions.Required, typing.Annotated)


def check(params_type: str, raw: Mapping[str, Raw]) -> dict[str, Any]:
    """Return the parameters with their types, or raise as Stripe does.

    `params_type` is a name of `stripe.params`, such as `PaymentIntentCreateParams`.
    """
    return _shape(_resolve(params_type)).check(raw, "")


def warm_up() -> None:
    """Import what most callers use first, so that their first request is not the slow one."""
    for params_type in ("CustomerCreateParams", "PaymentIntentCreateParams"):
        _shape(_resolve(params_type))


@functools.cache
def _resolve(params_type: str) -> type:
    module_name, _, name = params_type.rpartition(".")
    module = importlib.import_module(".".join(filter(None, ("stripe.params", module_name))))
    resolved: type = getattr(module, name)
    return resolved


@functools.cache
def _shape(typed_dict: type) -> Shape:
    return Shape(typed_dict)


class Shape:
    """A TypedDict of `stripe.params`, ready to check a request."""

    def __init__(self, typed_dict: type) -> None:
        from stripe._request_options import (  # noqa: PLC0415 - importing stripe costs start-up
            RequestOptions,
        )

        options = RequestOptions.__annotations__
        module = importlib.import_module(typed_dict.__module__)
        namespace = {**vars(typing), **vars(typing_extensions), **vars(module)}
        hints = typing_extensions.get_type_hints(
            typed_dict, globalns=namespace, localns={"StripeContext": object}
        )
        self._annotations = {name: hint for name, hint in hints.items() if name not in options}
        self._values: dict[str, Value] = {}
        required: frozenset[str] = typed_dict.__required_keys__  # type: ignore[attr-defined]  # a TypedDict's own
        self._required = sorted(required - options.keys())

    def check(self, raw: Mapping[str, Raw], path: str) -> dict[str, Any]:
        """Return `raw` with its types; `path` is the parameter it was sent as, empty at the top."""
        unknown = [_join(path, name) for name in raw if name not in self._annotations]
        if unknown:
            plural = "s" if len(unknown) > 1 else ""
            raise refused(
                f"Received unknown parameter{plural}: {', '.join(unknown)}",
                code="parameter_unknown",
                param=unknown[0],
            )
        for name in self._required:
            if name not in raw:
                param = _join(path, name)
                raise refused(
                    f"Missing required param: {param}.", code="parameter_missing", param=param
                )
        return {name: self._value(name)(value, _join(path, name)) for name, value in raw.items()}

    def _value(self, name: str) -> Value:
        if name not in self._values:
            self._values[name] = Value(self._annotations[name])
        return self._values[name]


class Value:
    """What one parameter may be."""

    def __init__(self, annotation: Any) -> None:
        self.literals: list[str] = []
        self.scalars: set[type] = set()
        self.shapes: list[type] = []
        self.item: Value | None = None
        self.mapped: Value | None = None
        for arm in _arms(annotation):
            origin = typing_extensions.get_origin(arm)
            if origin is typing.Literal:
                self.literals.extend(str(word) for word in typing_extensions.get_args(arm))
            elif origin is list:
                self.item = Value(typing_extensions.get_args(arm)[0])
            elif origin is dict:
                self.mapped = Value(typing_extensions.get_args(arm)[1])
            elif typing_extensions.is_typeddict(arm):
                self.shapes.append(arm)
            elif arm in (str, int, float, bool, Decimal):
                self.scalars.add(arm)
        # The SDK types an enumeration as its words or any string; Stripe takes the words only.
        self.words = [word for word in self.literals if word]

    def __call__(self, raw: Raw, path: str) -> Any:
        """Return `raw` with its type, or raise the error Stripe gives for it."""
        if isinstance(raw, str):
            return self._scalar(raw, path)
        if self.item and all(name.isdigit() for name in raw):
            ordered = sorted(raw.items(), key=lambda pair: int(pair[0]))
            return [
                self.item(value, f"{path}[{place}]") for place, (_, value) in enumerate(ordered)
            ]
        if self.shapes:
            return self._object(raw, path)
        if self.mapped:
            # An empty value unsets its key, as in metadata.
            return {
                name: self.mapped(value, f"{path}[{name}]") if value else ""
                for name, value in raw.items()
            }
        kind = "array" if self.item else self._scalar_word()
        raise refused(f"Invalid {kind}", param=path)

    def _object(self, raw: Mapping[str, Raw], path: str) -> dict[str, Any]:
        for shape in self.shapes[:-1]:
            try:
                return _shape(shape).check(raw, path)
            except StripeError:
                continue
        return _shape(self.shapes[-1]).check(raw, path)

    def _scalar(self, raw: str, path: str) -> Any:
        if raw in self.literals:
            return raw
        if raw == "":
            raise _empty(path)
        for scalar in (bool, int, float, Decimal):
            if scalar in self.scalars:
                value = _READERS[scalar](raw)
                if value is not None:
                    return value
        if str in self.scalars and not self.words:
            return raw
        raise self._invalid(raw, path)

    def _invalid(self, raw: str, path: str) -> StripeError:
        if self.words:
            return refused(f"Invalid {path}: must be {_one_of(self.words)}", param=path)
        if self.item:
            return refused("Invalid array", param=path)
        if self.shapes or self.mapped:
            return refused("Invalid object", param=path)
        word = self._scalar_word()
        code = "parameter_invalid_integer" if word == "integer" else None
        return refused(f"Invalid {word}: {raw}", param=path, code=code)

    def _scalar_word(self) -> str:
        words = {
            int: "integer",
            bool: "boolean",
            float: "number",
            Decimal: "decimal",
            str: "string",
        }
        return next((word for scalar, word in words.items() if scalar in self.scalars), "object")


def _read_integer(raw: str) -> int | None:
    return int(raw) if _INTEGER.fullmatch(raw) else None


def _read_boolean(raw: str) -> bool | None:
    return {"true": True, "false": False}.get(raw)


def _read_number(raw: str) -> float | None:
    try:
        return float(raw)
    except ValueError:
        return None


def _read_decimal(raw: str) -> str | None:
    """Read a decimal as the string Stripe shows it as."""
    try:
        return format(Decimal(raw).normalize(), "f") if Decimal(raw).is_finite() else None
    except InvalidOperation:
        return None


_READERS: dict[type, Any] = {
    int: _read_integer,
    bool: _read_boolean,
    float: _read_number,
    Decimal: _read_decimal,
}


def _arms(annotation: Any) -> Iterable[Any]:
    origin = typing_extensions.get_origin(annotation)
    if origin in _WRAPPERS:
        yield from _arms(typing_extensions.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for arm in typing_extensions.get_args(annotation):
            yield from _arms(arm)
    else:
        yield annotation


def _join(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _one_of(words: list[str]) -> str:
    if len(words) == 1:
        return words[0]
    separator = ", or " if len(words) > 2 else " or "  # noqa: PLR2004 - English, not a limit
    return f"one of {', '.join(words[:-1])}{separator}{words[-1]}"


def _empty(path: str) -> StripeError:
    return refused(
        f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset"
        f" a parameter; however '{path}' cannot be unset. You should remove '{path}' from your"
        " request or supply a non-empty value.",
        code="parameter_invalid_empty",
        param=path,
    )
