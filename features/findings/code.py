"""What a numbered code says of one thing that can be wrong with a history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stops = Literal["everything", "training"]


@dataclass(frozen=True, slots=True)
class Code:
    """One thing that can be wrong.

    Attributes:
        title: what it is, in a few words.
        stops: what cannot be done with such a history; None where it is only reported.
        sentence: the sentence, with the facts of a problem in braces.
        remedy: what to do.
        example: how it comes about.
    """

    title: str
    stops: Stops | None
    sentence: str
    remedy: str
    example: str
