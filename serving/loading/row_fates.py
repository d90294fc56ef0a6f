"""What becomes of a row that is loaded: stored, there already, or refused, and for people why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

STORED: Final = "stored"
DUPLICATE: Final = "duplicate"

EMPTY_CELL: Final = "empty_cell"
UNKNOWN_LEAD: Final = "unknown_lead"
ID_OF_ANOTHER_LEAD: Final = "id_of_another_lead"
REFUSED_LEAD: Final = "refused_lead"
AHEAD: Final = "ahead"
UNSTORABLE: Final = "unstorable"
ERASED: Final = "erased"
OTHER_CREATION: Final = "other_created_at"
OTHER_ACCOUNT: Final = "other_account"
OTHER_VALUE: Final = "other_value_then"
OTHER_CONTENT: Final = "other_content"

# By reason: what is the matter with the row, and what helps.
REFUSALS: Final[Mapping[str, str]] = {
    EMPTY_CELL: "a cell that must hold something is empty: `leadodds check` names the rows",
    UNKNOWN_LEAD: "its lead is not in the history: `leadodds check` names the rows",
    ID_OF_ANOTHER_LEAD: "its id stands under another lead, too: `leadodds check` names the rows",
    REFUSED_LEAD: "its lead is refused: mend that first",
    AHEAD: "it lies more than five minutes after now: mend its time, or load it when it has come",
    UNSTORABLE: "an id or name is longer than the service takes (ids of interactions and outcomes 400 "
    "characters, sources 100, other names 500), or holds a NUL, or an id a control character: shorten or "
    "replace it",
    ERASED: "its lead, or the lead that an alias is linked to, or the interaction was erased: it stays away",
    OTHER_CREATION: "the lead is stored with another creation: correct that by `PATCH /v1/leads/{id}`",
    OTHER_ACCOUNT: "the lead is stored with another account: correct that by `PATCH /v1/leads/{id}`",
    OTHER_VALUE: "another value of the attribute is stored as known from the same moment on: that one counts",
    OTHER_CONTENT: "its id, or the setting, is stored with another content, or the link contradicts one: "
    "what came first counts",
}


def told(reason: str, count: int) -> str:
    """Writes how many rows are refused for a reason, and what helps.

    >>> told("refused_lead", 1_200)
    '1,200 refused_lead: its lead is refused: mend that first'
    """
    return f"{count:,} {reason}: {REFUSALS[reason]}"
