"""What every event has in common, and the types that money is written in."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final, Self
from uuid import UUID, uuid5

import uuid_utils.compat
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic.alias_generators import to_camel

from kafka_bridge.contracts.topics import Topic

MinorUnits = Annotated[int, Field(gt=0, le=999_999_999_999)]
"""An amount as Stripe counts it: a positive int in the currency's smallest unit, 12 digits at most.

https://docs.stripe.com/currencies
"""

MinorUnitsOrZero = Annotated[int, Field(ge=0, le=999_999_999_999)]
"""A part of an amount, which may be none of it."""

SignedMinorUnits = Annotated[int, Field(ge=-999_999_999_999, le=999_999_999_999)]
"""What an account gains, or loses if it is negative."""

SignedSum = Annotated[int, Field(ge=-999_999_999_999_999_999, le=999_999_999_999_999_999)]
"""What many of them come to: 18 digits at most."""

Currency = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[a-zA-Z]{3}$")]
"""An ISO 4217 code, lowercase as Stripe writes it. Uppercase is read, never written."""

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=255)]
"""An id, ours or Stripe's: 1 to 255 characters."""

Code = Annotated[str, StringConstraints(max_length=255)]
"""A short word of Stripe's, or an id of its that may be empty."""

Version = Annotated[str, StringConstraints(pattern=r"^1(\.[0-9]{1,5}){0,2}$")]
"""A contract's version. A new minor version only adds optional fields; a major one is refused."""

Revision = Annotated[int, Field(gt=0, le=2_147_483_647)]
"""Rises with each change of what it is about; a projection applies only a higher one."""

Timestamp = Annotated[
    AwareDatetime,
    Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC)),
]
"""ISO 8601 with an offset, in a century that a producer can mean and a database can hold."""

Source = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""A service's name."""

_EVENT_ID_NAMESPACE: Final = UUID("0b5c1a52-7a3c-5d0e-9d43-70617962726b")


def new_event_id() -> UUID:
    """Make a UUIDv7, which rises with time and so keeps indexes compact."""
    return uuid_utils.compat.uuid7()


class Contract(BaseModel):
    """A structure on the wire: strict types, camelCase, unknown fields ignored."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        ser_json_inf_nan="null",
        use_attribute_docstrings=True,
    )


class Event(Contract):
    """A fact on a topic. Subclasses name the topic and its producer, and add what is told."""

    topic: ClassVar[Topic]
    private: ClassVar[frozenset[str]] = frozenset()
    """Fields that are secret or personal: in no log, no analytics."""

    event_id: UUID = Field(default_factory=new_event_id)
    """Tells a repetition. Ours are UUIDv7; a producer's own kind of id stands for one of them."""
    correlation_id: UUID | None = None
    """Constant from the API call that began it all to the last webhook."""
    causation_id: UUID | None = None
    """The event that this one answers."""
    version: Version = "1.0"
    timestamp: Timestamp = Field(default_factory=lambda: datetime.now(UTC))
    source: Source
    """The service that produced it."""
    customer_id: Identifier
    """Also the record's key: the events of one customer stay in order."""

    @field_validator("event_id", mode="wrap", json_schema_input_type=Identifier)
    @classmethod
    def _read_event_id(cls, given: Any, read_uuid: ValidatorFunctionWrapHandler) -> UUID:
        try:
            event_id: UUID = read_uuid(given)
        except ValidationError:
            if not isinstance(given, str) or not 0 < len(given) <= 255:  # noqa: PLR2004 - Identifier
                raise
            return uuid5(_EVENT_ID_NAMESPACE, f"{cls.topic}/{given}")
        return event_id

    @classmethod
    def caused_by(cls, cause: "Event", **fields: Any) -> Self:
        """Make the event that answers `cause`, on the same correlation id."""
        return cls(
            correlation_id=cause.correlation_id or cause.event_id,
            causation_id=cause.event_id,
            customer_id=cause.customer_id,
            **fields,
        )

    def public_content(self) -> dict[str, Any]:
        """Return the event as JSON values without its private fields, in camelCase."""
        return self.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude=set(self.private)
        )

    def to_json(self) -> bytes:
        """Write the event as it goes on its topic: UTF-8 JSON, camelCase, no nulls."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()
