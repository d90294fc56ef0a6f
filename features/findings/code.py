"""One numbered code: a fault of a history, its severity and its wording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stops = Literal["everything", "training"]


@dataclass(frozen=True, slots=True)
class Code:
    """One fault that a history can have.

    Attributes:
        title: the fault in a few words.
        stops: what cannot be done with such a history; None where the fault is only reported.
        sentence: template of the message, with the facts of a finding in braces.
        remedy: what to do.
        example: how the fault comes about.
    """

    title: str
    stops: Stops | None
    sentence: str
    remedy: str
    example: str
