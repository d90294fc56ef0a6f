"""What a model can learn from an imported history, and what not: a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from features.findings.codes import CONVERSIONS_NEEDED
from features.imports.format.map_format import ImportMap


def notes_of(
    tables: Mapping[str, int], outcomes: Mapping[str, int], import_map: ImportMap, untracked: Sequence[str]
) -> tuple[str, ...]:
    """Says what can be learnt.

    Args:
        tables: number of rows by table.
        outcomes: number of outcomes by their text.
        import_map: tells what is known of the attributes.
        untracked: attributes with changes of which the log has none.
    """
    return (*_notes(tables, outcomes, import_map), *_untracked_notes(untracked))


def _untracked_notes(untracked: Sequence[str]) -> Iterator[str]:
    if untracked:
        yield (
            f"The log has no change of {', '.join(untracked)}: they may not be tracked, and today's values "
            "may have been filled in after the sale. They are left empty."
        )


def _notes(tables: Mapping[str, int], outcomes: Mapping[str, int], import_map: ImportMap) -> Iterator[str]:
    attributes = import_map.attributes()
    used = {name: each for name, each in attributes.items() if each.use in (None, "feature")}
    learnt = [name for name, each in used.items() if each.known != "export" or each.use]
    at_export = [name for name in used if name not in learnt]
    if not tables.get("interactions"):
        yield (
            "This is a snapshot without interactions: a model learns from attributes set at creation and "
            "from the age of a lead, and cannot see what a lead does."
        )
        if not learnt:
            yield (
                "It has no attribute that is known at creation either, so a model learns the base rate by "
                'age only. Mark the attributes that are set when a lead is created as known = "creation".'
            )
    if at_export:
        yield (
            f"Known only as of the export, and not learnt from: {', '.join(at_export)}. They may have been "
            "filled in after the sale."
        )
    if not outcomes:
        yield "There are no outcomes: leads of this history can be scored, and nothing can be learnt from it."
    elif outcomes.get("converted", 0) < CONVERSIONS_NEEDED:
        count = outcomes.get("converted", 0)
        yield f"Conversions: {count}, fewer than the {CONVERSIONS_NEEDED} that training needs."
    if outcomes and not outcomes.get("lost"):
        yield "No lead was ever lost: one that did not convert stays open for ever."
