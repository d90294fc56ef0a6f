"""The codes of faults in the table `lead_aliases`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from features.findings.code import Code

ALIAS_CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        "D100": Code(
            title="aliases in a circle",
            stops="everything",
            sentence="lead_aliases goes in a circle: {leads} would be an alias of itself.",
            remedy="Take out the link that is wrong: of each circle one id must be the lead.",
            example="A merged into B, and later B into A",
        ),
        "D101": Code(
            title="alias of several leads",
            stops=None,
            sentence="lead_aliases has {rows} whose alias was linked to another lead before, left out.",
            remedy="Nothing to do where people share a device; the first link of an alias counts.",
            example="a browser in which two people signed in",
        ),
        "D102": Code(
            title="alias of an unknown lead",
            stops=None,
            sentence="lead_aliases has {rows} that lead to no lead in leads, left out.",
            remedy="Export the leads of the same period, deleted and merged ones too.",
            example="a visitor who became known as a contact that was never exported",
        ),
        "D103": Code(
            title="alias of itself",
            stops=None,
            sentence="lead_aliases has {rows} that link an id to itself, left out.",
            remedy="Nothing to do.",
            example="an identify call with one id twice",
        ),
        "D104": Code(
            title="ids linked",
            stops=None,
            sentence="lead_aliases joins {linked} to other leads; {ended} of them had a row of their own "
            "until the link and none afterwards.",
            remedy="Nothing to do.",
            example="anonymous visits of leads; merged duplicates",
        ),
    }
)
