"""When something was received, and which transaction wrote it."""

from __future__ import annotations

from typing import NamedTuple


class Receipt(NamedTuple):
    """Of everything that one transaction writes.

    Attributes:
        at: microseconds UTC; from then on it is known.
        sequence: number of the transaction; they are numbered in their order, from 1.
    """

    at: int
    sequence: int
