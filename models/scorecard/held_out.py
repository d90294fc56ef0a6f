"""Leads held out of prioritisation: which they are, and where they stand in the list instead.

A share of the accounts, and of the leads without one, is ranked by chance, so that calling by the list can be
compared with calling in any order. A hash of the id decides, so that every door answers alike, at any time. A
held-out lead gets the priority that some other open lead would have: the list as a whole stays as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np

from features.history.lead_history import Bools, Floats, Ints, LeadHistory

# Of each hash, half decides whether, and half where.
_HALF_BYTES: Final = 8
_BITS: Final = 53
_Kind = Literal["account", "lead"]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How leads are held out.

    Attributes:
        share: of the accounts, above 0.
        probabilities: quantiles of the probability of the open leads, evenly spaced and rising.
    """

    share: float
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuses a share or quantiles that cannot be such.

        Raises:
            ValueError: the sentence names the fault.
        """
        if not 0 < self.share < 1:
            raise ValueError(f"a share of {self.share} is not between 0 and 1")
        rises = all(low <= high for low, high in pairwise(self.probabilities))
        if not self.probabilities or not rises or self.probabilities[0] < 0 or self.probabilities[-1] > 1:
            raise ValueError("the quantiles do not rise between 0 and 1")

    def places(self, history: LeadHistory, leads: Ints) -> tuple[Bools, Floats]:
        """Finds the held-out leads.

        Args:
            history: of the leads.
            leads: (n,) rows of the history.

        Returns:
            (n,) whether each is held out, and (n,) the probability of the lead whose place it takes.
        """
        drawn = draw_leads(history, leads)
        at = np.linspace(0.0, 1.0, len(self.probabilities))
        return drawn[:, 0] < self.share, np.interp(drawn[:, 1], at, self.probabilities)


def draw_leads(history: LeadHistory, leads: Ints) -> Floats:
    """Draws two numbers for each account, or lead without one, that never change: (n, 2), from 0 to below 1.

    Args:
        history: of the leads.
        leads: (n,) rows of the history.
    """
    accounts = history.account_ids
    if accounts is None:
        return _draw("lead", history.lead_ids.take(leads).to_pylist())
    codes = accounts.codes[leads]
    used, place = np.unique(codes[codes >= 0], return_inverse=True)
    drawn = np.empty((len(leads), 2))
    drawn[codes >= 0] = _draw("account", [accounts.values[code] for code in used.tolist()])[place]
    drawn[codes < 0] = _draw("lead", history.lead_ids.take(leads[codes < 0]).to_pylist())
    return drawn


def _draw(kind: _Kind, ids: Sequence[str]) -> Floats:
    person, size = kind.encode(), 2 * _HALF_BYTES
    hashes = [hashlib.blake2b(id_.encode(), digest_size=size, person=person).digest() for id_ in ids]
    # As many bits as a double holds exactly, so that no number is rounded up to 1.
    numbers = np.frombuffer(b"".join(hashes), "<u8").reshape(-1, 2) >> np.uint64(64 - _BITS)
    return numbers / 2.0**_BITS
