"""What can go wrong with what was sent: the root of all errors of a request, those of its body and address.

The classes know nothing of HTTP; `serving.http.problems` says how each is answered, and `serving.refusals` has
the others. Nothing here ever carries a value that was sent: a path and a rule tell a caller what to change,
and no log or answer then holds anybody's data.

Source: paths are JSON pointers, RFC 6901.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from features.errors import LeadOddsError

# More would not help anybody, and a body of a megabyte can hold a hundred thousand.
FAULTS_TOLD: Final = 20


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
        self.faults = tuple(faults[:FAULTS_TOLD])


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
