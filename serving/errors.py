"""The errors of a request: what is wrong with its body, its address or the moment it came.

The classes know nothing of HTTP; `serving.http.problems` maps each to a status. None of them carries a value
that was sent: a path and a rule say what to change, so that no log or response holds personal data.

Source: paths are JSON pointers, RFC 6901.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from features.errors import LeadOddsError

# A body of a megabyte can break a hundred thousand rules; nobody reads more than these.
MOST_FAULTS: Final = 20
# Refuses an id or kind that a table would read as a missing cell.
MISSING_TEXT: Final = "This text stands for a missing value, as an empty text does."
# Refuses an id that no address could name afterwards, so that its lead could be neither read nor erased.
CONTROL_TEXT: Final = "An id has no control characters, such as a new line."


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to change in a request.

    Attributes:
        path: JSON pointer into the body, empty for the body itself; or the parameter of the query, after `?`.
        rule: the short name of the broken rule.
        message: the rule as a sentence.
    """

    path: str
    rule: str
    message: str


class RequestError(LeadOddsError):
    """Root of all errors that a caller can correct or retry; `faults` name the places."""

    # After how long the same request may be sent again, where that alone would help.
    retry_after_seconds: int | None = None

    def __init__(self, sentence: str, *, faults: Sequence[Fault] = ()) -> None:
        super().__init__(sentence)
        self.faults = tuple(faults[:MOST_FAULTS])


class NotJsonError(RequestError):
    """A body that is not JSON by RFC 8259, or has a key twice."""

    def __init__(self, fault: Fault, *others: Fault) -> None:
        super().__init__("The body must be one JSON object in UTF-8.", faults=(fault, *others))


class InvalidBodyError(RequestError):
    """A body that breaks rules of its route."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        count = len(faults)
        places = "one place" if count == 1 else f"{count} places"
        super().__init__(f"The body breaks a rule in {places}; see errors.", faults=faults)


class InvalidQueryError(RequestError):
    """A query string that breaks rules of its route, or an id in the path that is no text."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("The address breaks a rule; see errors.", faults=faults)


class BodyTooLargeError(RequestError):
    """A body above the limit."""

    def __init__(self, *, limit_bytes: int) -> None:
        super().__init__(
            f"The body is larger than {limit_bytes} bytes. Send fewer leads or interactions at once."
        )


class MediaTypeError(RequestError):
    """A body without the media type of JSON, or packed by another method than gzip."""

    def __init__(self) -> None:
        super().__init__(
            "The body must come with Content-Type: application/json, unpacked or packed with gzip."
        )


class BodyLateError(RequestError):
    """A body that took too long to arrive."""

    def __init__(self) -> None:
        super().__init__("The body did not arrive in time. Send it again in one go, or less at once.")


def pointer(steps: Sequence[object]) -> str:
    """Writes the path to a place in a body as a JSON pointer, with any keys.

    >>> pointer(["interactions", 0, "a/b"])
    '/interactions/0/a~1b'
    """
    return "".join(f"/{_escape(str(step))}" for step in steps)


def _escape(step: str) -> str:
    shown = step.encode("utf-8", "backslashreplace").decode("utf-8")[:200]
    return shown.replace("~", "~0").replace("/", "~1")


class DrainingError(RequestError):
    """A new request to a server that is stopping."""

    retry_after_seconds = 1

    def __init__(self) -> None:
        super().__init__("This server is stopping and takes no new requests. Send the same again.")


class LeadUnknownError(RequestError):
    """A lead that is not in the store."""

    def __init__(self) -> None:
        super().__init__("There is no such lead. Create it with PUT /v1/leads/{id}.")


class LeadErasedError(RequestError):
    """A lead that was erased and is not stored again."""

    def __init__(self) -> None:
        super().__init__("This lead was erased, and data about it is not stored again.")


class IdempotencyKeyError(RequestError):
    """An Idempotency-Key that is none."""

    def __init__(self, fault: Fault) -> None:
        super().__init__("The header Idempotency-Key breaks a rule; see errors.", faults=[fault])


class KeyReusedError(RequestError):
    """An Idempotency-Key that came before with another request."""

    def __init__(self) -> None:
        super().__init__("Another request came with this Idempotency-Key. Send each with a key of its own.")


class InProgressError(RequestError):
    """A request whose Idempotency-Key is that of one that is not answered yet."""

    retry_after_seconds = 1

    def __init__(self) -> None:
        super().__init__(
            "A request with this Idempotency-Key is not answered yet. Send the same again for its answer."
        )


class StoreAwayError(RequestError):
    """A database that does not respond."""

    retry_after_seconds = 5

    def __init__(self) -> None:
        super().__init__("The database did not answer; nothing was written. Send the same again later.")


class StoreLateError(RequestError):
    """A database that takes longer than a request waits."""

    retry_after_seconds = 5

    def __init__(self) -> None:
        super().__init__(
            "The database takes too long. Send the same again later: what was written is not written twice."
        )


class BusyError(RequestError):
    """A request for which too many others wait."""

    retry_after_seconds = 1

    def __init__(self) -> None:
        super().__init__("Too many requests wait; nothing was done. Send the same again.")


class ReadTooLongError(Exception):
    """A read of the store that is too long for the event loop; it is done again in a thread."""


def fault_records(faults: Sequence[Fault]) -> list[dict[str, str]]:
    """Writes faults as the `errors` of a response."""
    return [{"path": fault.path, "rule": fault.rule, "message": fault.message} for fault in faults]
