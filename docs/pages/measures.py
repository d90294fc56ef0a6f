"""The page of measures: what a declared feature can measure, of which kinds, in which fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from docs.pages.tables import code, table
from features.catalog.measures import CALENDAR_PARTS, MEASURES
from features.funnel import STAGE_RULES, sales_features
from features.history.kinds import DIRECTION_OF_KIND, LABELS_OF_KIND
from features.history.lead_history import DIRECTION_NAMES, NO_DIRECTION

_HEAD: Final = """# Measures and kinds

A feature is a declaration: a measure of which interactions over which window
([how to add one](data-scientist.md#add-a-feature)).

## Measures

*Rows* are the interactions of the lead known at `as_of`, or of its whole account with `scope = "account"`.
Features of an account are missing where the lead has none and, with `account_limit = 10000`, where more rows
are known of it: so many hardly belong to one company, and a score never reads more. The default catalogue
sets that limit. *Chosen* rows are those that match the kinds, direction, channel and window of the
declaration. A window of w days contains ages below w. `except_kinds` leaves out rows of these kinds.

"""
_FIELDS: Final = """
If a declaration leaves out `kinds`, `direction` or `channel`, rows of every kind, direction or channel count;
without `window_days` all known rows count. `part` is one of {parts}.

## Kinds

Any word may be a kind. The vocabulary below adds a label, and the direction of rows that have none. Your own
kinds are measured in the same way; they only have no effect on the stage.

"""
_STAGES: Final = """
## Stages

A lead is in the last stage below for which a rule holds, and `cold` if none does. The probability does not
depend on the stage, so the two can disagree.

"""


def measures_page() -> str:
    """Lists every measure with its rule, and every kind of the vocabulary, as Markdown."""
    measures = table(["measure", "meaning", "unit", "missing means", "takes"], _measure_rows())
    parts = ", ".join(code(part) for part in CALENDAR_PARTS)
    kinds = table(["kind", "label", "direction"], _kind_rows())
    stages = table(["stage", "rule", "at least"], _stage_rows())
    return _HEAD + measures + _FIELDS.format(parts=parts) + kinds + _STAGES + stages


def _measure_rows() -> Iterator[tuple[str, str, str, str, str]]:
    for name, measure in MEASURES.items():
        takes = ", ".join(
            f"{code(field)} (needed)" if field in measure.needs else code(field) for field in measure.takes
        )
        yield code(name), measure.rule, measure.unit, measure.missing, takes


def _kind_rows() -> Iterator[tuple[str, str, str]]:
    for kind, (once, _) in LABELS_OF_KIND.items():
        yield code(kind), once, DIRECTION_NAMES.get(DIRECTION_OF_KIND.get(kind, NO_DIRECTION), "")


def _stage_rows() -> Iterator[tuple[str, str, str]]:
    declared = {feature.name: feature for feature in sales_features()}
    for rule in STAGE_RULES:
        counted = declared[rule.feature]
        kinds = ", ".join(code(kind) for kind in counted.kinds)
        others = ", ".join(code(kind) for kind in counted.except_kinds)
        said = counted.label + (f": {kinds}" if kinds else "") + (f", other than {others}" if others else "")
        yield code(rule.stage), said, str(rule.at_least)
