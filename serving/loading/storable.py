"""Which rows of a history the store takes, the places of the leads that they are under, and their texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.history.lead_history import Bools, Ints
from features.parsing.text_columns import Texts
from features.tables.lead_rows import Leads
from serving.bodies.score_bodies import MOST_NAME
from serving.clock import AHEAD_US
from serving.loading.row_fates import AHEAD, REFUSED_LEAD, UNSTORABLE

# A row without a source has none of the names that a source can have.
NO_SOURCE: Final = ""
# PostgreSQL takes no text with a NUL, and no id has a control character: `has_control_characters`.
BARRED_IN_TEXTS: Final = r"\x00"
BARRED_IN_IDS: Final = r"\p{Cc}"


class Places:
    """Numbers the ids under which rows are stored, and counts what is refused."""

    def __init__(self, leads: Leads, reasons: npt.NDArray[np.object_]) -> None:
        is_stored: Bools = np.array([reason is None for reason in reasons.tolist()], np.bool_)
        is_lead = np.ones(len(reasons), np.bool_) if leads.is_lead is None else leads.is_lead
        self.leads: Ints = np.flatnonzero(is_stored & is_lead)
        self.count = int(is_stored.sum())
        self._place = np.where(is_stored, np.cumsum(is_stored) - 1, -1)
        self.refused: dict[str, Counter[str]] = {"leads": Counter(reasons[~is_stored & is_lead].tolist())}
        self.created_at = leads.created_at

    def of(self, lead: Ints) -> Ints:
        """Gives the places of leads, -1 for a lead that is refused."""
        return self._place[lead]

    def keep(self, table: str, lead: Ints, faults: Mapping[str, Bools]) -> Ints:
        """Gives the positions of rows that are stored, and counts the others by their first fault."""
        left = np.ones(len(lead), np.bool_)
        counts = self.refused.setdefault(table, Counter())
        for reason, is_at_fault in {REFUSED_LEAD: self.of(lead) < 0, **faults}.items():
            counts[reason] += int((left & is_at_fault).sum())
            left &= ~is_at_fault
        return np.flatnonzero(left)


def reasons_of_leads(leads: Leads, *, now: int) -> npt.NDArray[np.object_]:
    """Gives None for a lead that is stored, else the reason why it is not."""
    reasons = np.full(len(leads.ids), None, object)
    reasons[leads.created_at > now + AHEAD_US] = AHEAD
    reasons[is_unstorable(leads.ids, MOST_NAME, barred=BARRED_IN_IDS)] = UNSTORABLE
    if leads.account is not None:
        accounts = Texts(leads.account.codes, pa.array(leads.account.values, pa.string()))
        reasons[are_unstorable(accounts, MOST_NAME, barred=BARRED_IN_TEXTS)] = UNSTORABLE
    return reasons


def is_unstorable(texts: pa.Array, most: int, *, barred: str) -> Bools:
    """Finds texts that are longer than the store takes, or hold characters that it does not take."""
    is_long = pc.greater(pc.utf8_length(texts), most)
    return np.asarray(pc.or_(is_long, pc.match_substring_regex(texts, barred)), np.bool_)


def are_unstorable(texts: Texts, most: int, *, barred: str) -> Bools:
    """Finds the rows whose text is longer than `most`, or holds a character that matches `barred`."""
    return np.append(is_unstorable(texts.values, most, barred=barred), False)[texts.codes]


def texts_of(codes: npt.NDArray[np.integer[Any]], values: pa.Array | Sequence[str]) -> pa.Array:
    """Gives the text of each code, null for -1."""
    texts = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    return texts.take(pa.array(codes, mask=codes < 0))


def chosen_texts(texts: Texts, rows: Ints) -> Texts:
    """Gives the texts of some rows, in their order."""
    return Texts(texts.codes[rows], texts.values)


def or_no_source(source: Texts, rows: Ints) -> pa.Array:
    """Gives the sources of some rows, the empty one where there is none."""
    return texts_of(source.codes[rows], source.values).fill_null(NO_SOURCE)
