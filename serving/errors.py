"""What can go wrong with what was sent: the root of all errors of a request, those of its body and address.

The classes know nothing of HTTP; `serving.http.problems` says how each is answered, and `serving.errors` has
the others. Nothing here ever carries a value that was sent: a path and a rule tell a caller what to change,
and no log or answer then holds anybody's data.

Source: paths are JSON pointers, RFC 6901.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from features.errors import LeadOddsError

# More would not help anybody, and a body of a megabyte can hold a hundred thousand.
MOST_FAULTS: Final = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to change in a request.

    Attributes:
        path: JSON pointer into the body; empty for the body itself.
        rule: the short name of the rule that was broken.
        message: the rule as a sentence.
    """

    path: str
    rule: str
    message: str


class RequestError(LeadOddsError):
    """Root of what a caller can put right; `faults` name the places."""

    # When the same may be sent again, where that alone would help.
    retry_after_seconds: int | None = None

    def __init__(self, sentence: str, *, faults: Sequence[Fault] = ()) -> None:
        super().__init__(sentence)
        self.faults = tuple(faults[:MOST_FAULTS])


class NotJsonError(RequestError):
    """A body that is not JSON as RFC 8259 has it, or says one thing twice."""

    def __init__(self, fault: Fault, *others: Fault) -> None:
        super().__init__("The body must be one JSON object in UTF-8.", faults=(fault, *others))


class InvalidBodyError(RequestError):
    """A body of another shape than the route takes."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        count = len(faults)
        places = "one place" if count == 1 else f"{count} places"
        super().__init__(f"The body breaks a rule in {places}; see errors.", faults=faults)


class InvalidQueryError(RequestError):
    """A query string of another shape than the route takes, or an id in the path that is no text."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("The address breaks a rule; see errors.", faults=faults)


class BodyTooLargeError(RequestError):
    """A body above the limit."""

    def __init__(self, *, limit_bytes: int) -> None:
        super().__init__(
            f"The body is larger than {limit_bytes} bytes. Send fewer leads or interactions at once."
        )


class MediaTypeError(RequestError):
    """A body that does not say that it is JSON."""

    def __init__(self) -> None:
        super().__init__("The body must come with Content-Type: application/json.")


class BodyLateError(RequestError):
    """A body that took too long to arrive."""

    def __init__(self) -> None:
        super().__init__("The body did not arrive in time. Send it again in one go, or less at once.")


def pointer(steps: Sequence[object]) -> str:
    """Writes a path into a body as a JSON pointer, whatever the keys hold.

    >>> pointer(["interactions", 0, "a/b"])
    '/interactions/0/a~1b'
    """
    return "".join(f"/{_escape(str(step))}" for step in steps)


def _escape(step: str) -> str:
    shown = step.encode("utf-8", "backslashreplace").decode("utf-8")[:200]
    return shown.replace("~", "~0").replace("/", "~1")


class HostError(RequestError):
    """A request for another host, which a server without keys does not answer."""

    def __init__(self) -> None:
        super().__init__(
            "This server has no key and answers only requests whose Host is localhost, 127.0.0.1 or [::1]."
        )


class KeyMissingError(RequestError):
    """A request without a key, to a server that has some."""

    def __init__(self) -> None:
        super().__init__("Send a key, as X-API-Key or as Authorization: Bearer.")


class KeyRefusedError(RequestError):
    """A key that is not, or no longer, one of this server."""

    def __init__(self, *, state: Literal["unknown", "revoked", "expired"]) -> None:
        super().__init__(f"The key is {state}. Whoever runs the server makes another: leadodds keys create.")


class ScopeError(RequestError):
    """A key that is good for other routes only."""

    def __init__(self, *, needed: str) -> None:
        super().__init__(f"This route needs a key with the scope {needed}, which the key sent does not have.")


class SessionEndedError(RequestError):
    """A session of the page that has expired, or whose key is good no more."""

    def __init__(self) -> None:
        super().__init__("The session has ended. Sign in again.")


class CsrfError(RequestError):
    """A request with a session that did not come from the page itself."""

    def __init__(self) -> None:
        super().__init__("The request lacks the token of its session. Load the page again.")


class RateError(RequestError):
    """A key that asks more often than it may."""

    def __init__(self, *, wait_seconds: float) -> None:
        self.retry_after_seconds = max(1, math.ceil(wait_seconds))
        super().__init__(
            f"The key asks more often than it may. Send the same again in {self.retry_after_seconds} s."
        )


class DrainingError(RequestError):
    """A request to a server that is stopping."""

    retry_after_seconds = 1

    def __init__(self) -> None:
        super().__init__("This server is stopping and takes nothing new. Send the same again.")


class LeadUnknownError(RequestError):
    """A lead that nobody told the service of."""

    def __init__(self) -> None:
        super().__init__("There is no such lead. PUT /v1/leads/{id} makes one.")


class LeadErasedError(RequestError):
    """A lead that was erased, and is not kept again."""

    def __init__(self) -> None:
        super().__init__("This lead was erased, and what is sent of it is not kept again.")


class LeadConflictError(RequestError):
    """A lead that was created at another time."""

    def __init__(self) -> None:
        fault = Fault("/created_at", "unchanged", "A lead keeps the time at which it was created.")
        super().__init__("The lead is known with another created_at.", faults=[fault])


class StoreAwayError(RequestError):
    """A database that does not take or give anything now."""

    retry_after_seconds = 5

    def __init__(self) -> None:
        super().__init__("The database did not answer; nothing was written. Send the same again later.")


class KeylessHostError(LeadOddsError):
    """A server without keys that would have been reachable from other machines."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"The server has no key, so it listens on this machine only, and {host!r} is not a loopback "
            "address. Leave --host out, or give 127.0.0.1, ::1 or localhost."
        )


def fault_records(faults: Sequence[Fault]) -> list[dict[str, str]]:
    """Writes faults as they stand in an answer."""
    return [{"path": fault.path, "rule": fault.rule, "message": fault.message} for fault in faults]
