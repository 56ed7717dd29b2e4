"""What can go wrong on the way, named for the fact. What is done about it follows the class."""

from typing import Final

_LONGEST_TEXT: Final = 10_000


def text_of(error: BaseException) -> str:
    """Return the error's text, whatever it holds, as logs, columns and headers take it."""
    try:
        return storable(str(error)[:_LONGEST_TEXT])
    except Exception as failure:  # noqa: BLE001 - it is somebody else's __str__
        return f"no text: its __str__ raised {type(failure).__name__}"


def storable(text: str) -> str:
    """Replace what PostgreSQL takes in no text: U+0000, and halves of surrogate pairs."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


class BridgeError(Exception):
    """Something of the bridge's own went wrong."""


class CannotBeHandled(BridgeError):
    """The event can never be handled as it is: it is dead at once, with this reason."""


class InvalidEvent(CannotBeHandled):
    """The record breaks its contract."""


class UnknownTopic(CannotBeHandled):
    """No contract is registered for the record's topic."""


class NoHandler(CannotBeHandled):
    """No handler of this service takes the event."""


class TryLater(BridgeError):
    """Not now, through no fault of the event: its lane waits, and no attempt is counted."""

    def __init__(self, reason: str, *, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


class OutcomeUnknown(BridgeError):
    """Nobody answered, so it may have happened: tried again for as long as it takes."""


class LaneOpened(BridgeError):
    """While a batch was stored, another consumer made earlier events of its customers wait."""


class HandledTwice(BridgeError):
    """Two handlers were registered for one event."""


class PublishedOutsideTransaction(BridgeError):
    """`publish` was called outside a transaction: the event could outlive what it tells of."""


class EventTooLarge(BridgeError):
    """The event is larger than the broker takes."""


class NotDead(BridgeError):
    """The event is no dead letter any more: somebody has retried or discarded it meanwhile."""


class AlreadyReceived(BridgeError):
    """The same event came in another record."""


class EditRefused(BridgeError):
    """The edited value would be another event, or another customer's."""


class CallsOut(BridgeError):
    """The event's handler calls another system, which no rollback undoes."""
