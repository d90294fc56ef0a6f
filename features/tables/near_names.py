"""Finds the columns and tables that are probably meant where ours are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final

# Names that other systems give to our columns, in small letters and digits only, the likeliest first.
_SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "lead_id": (
        "id", "lead", "leadnumber", "prospectid", "prospectnumber", "contactid", "personid", "customerid",
        "clientid", "userid", "recordid", "dealid", "opportunityid",
    ),
    "created_at": (
        "created", "createddate", "createdate", "datecreated", "creationdate", "createdon", "createdtime",
        "createtime", "creationtime", "timecreated", "signupdate", "registeredat", "entrydate", "insertedat",
        "timestamp", "datetime", "date", "time",
    ),
    "kind": (
        "type", "event", "eventtype", "eventname", "activity", "activitytype", "activityname",
        "interaction", "interactiontype", "engagementtype", "action", "actiontype", "tasksubtype", "subtype",
    ),
    "occurred_at": (
        "timestamp", "eventtime", "eventdate", "eventtimestamp", "activitydate", "activitytime",
        "happenedat", "datetime", "date", "time", "ts", "when", "createddate", "createdate", "created",
        "createdat", "createdon", "datecreated", "createtime", "createdtime", "closedate", "closedat",
        "closeddate", "converteddate", "convertedat", "availableat",
    ),
    "outcome": (
        "result", "status", "leadstatus", "state", "stage", "stagename", "dealstage", "dispositions",
        "disposition", "closedstatus",
    ),
    "attribute": ("field", "fieldname", "property", "propertyname", "attributename", "column", "name", "key"),
    "value": ("newvalue", "valuenew", "to", "after"),
    "available_at": (
        "changedat", "changedate", "modifiedat", "modifieddate", "updatedat", "createddate", "createdat",
        "timestamp", "datetime", "date", "time", "occurredat",
    ),
}  # fmt: skip
_CLOSE: Final = 0.8


def nearest_names(
    wanted: Sequence[str], present: Sequence[str], *, are_synonyms_known: bool = True
) -> dict[str, str]:
    """Finds, for names of ours, the names that are probably meant by them.

    Args:
        wanted: names of columns or tables.
        present: names that are there.
        are_synonyms_known: whether names of other systems count, not only other ways to write ours.

    Returns:
        By name of ours, in the order of `wanted`, the nearest of `present`; each is given once.

    >>> nearest_names(["kind", "occurred_at"], ["Activity Type", "Created Date", "channel"])
    {'kind': 'Activity Type', 'occurred_at': 'Created Date'}
    """
    left = {_letters(name): name for name in reversed(present)}
    found: dict[str, str] = {}
    for step in (_same, _synonym, _close) if are_synonyms_known else (_same, _close):
        for name in wanted:
            match = None if name in found else step(name, left)
            if match is not None:
                found[name] = left.pop(match)
    return {name: found[name] for name in wanted if name in found}


def as_candidates(
    wanted: Sequence[str], present: Mapping[str, str], *, are_synonyms_known: bool = True
) -> str:
    """Writes which names are probably meant by which.

    Args:
        wanted: names of columns or tables.
        present: what is shown of the names that are there, by name.
        are_synonyms_known: see `nearest_names`.

    >>> as_candidates(["leads"], {"Lead": "Lead.csv"})
    ' (Lead.csv -> leads)'
    """
    near = nearest_names(wanted, [*present], are_synonyms_known=are_synonyms_known)
    pairs = ", ".join(f"{shown_name(present[name])} -> {meant}" for meant, name in near.items())
    return f" ({pairs})" if pairs else ""


def shown_name(name: str) -> str:
    """Writes a name so that it can be seen: one that is empty, or has spaces around it, in quotes."""
    return name if name and name == name.strip() else f'"{name}"'


def _letters(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _same(name: str, left: Mapping[str, str]) -> str | None:
    letters = _letters(name)
    return letters if letters in left else None


def _synonym(name: str, left: Mapping[str, str]) -> str | None:
    return next((synonym for synonym in _SYNONYMS.get(name, ()) if synonym in left), None)


def _close(name: str, left: Mapping[str, str]) -> str | None:
    return next(iter(get_close_matches(_letters(name), left, n=1, cutoff=_CLOSE)), None)
