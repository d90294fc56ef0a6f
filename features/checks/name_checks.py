"""Names that only a number tells apart: attributes named as a column of features, and kinds spelt alike."""

from __future__ import annotations

from features.catalog.default_catalog import COLUMNS_OF_EXPORT
from features.catalog.wording import declare
from features.findings.problems import Findings
from features.history.lead_history import LeadHistory
from features.tables.near_names import shown_name


def check_names(history: LeadHistory, findings: Findings) -> None:
    """Reports attributes whose features get another name, and kinds whose names read alike.

    Args:
        history: cut at its `observed_until`.
        findings: collects what is found.
    """
    for name in history.attributes:
        if declare("attribute", attribute=name).name in COLUMNS_OF_EXPORT:
            findings.add("D086", table="leads", column=shown_name(name))
    alike: dict[str, list[str]] = {}
    for kind in history.interactions.kind.values:
        alike.setdefault(declare("count", kinds=[kind]).name, []).append(kind)
    for kinds in alike.values():
        if len(kinds) > 1:
            names = ", ".join(map(shown_name, kinds))
            findings.add("D087", table="interactions", column="kind", count=len(kinds), names=names)
