"""Turns the tables of a partition into rows of the service's database, in the order of leads and time.

Times, numbers and texts are read by the rules of every other reader of a history, so that what is stored is
what a score of the history would have seen. What the store would refuse over HTTP is refused here, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import pyarrow as pa

from features.findings.problems import Findings
from features.history.lead_history import Attribute, AttributeType
from features.partitions.partitions import Partitions
from features.tables.assemble import read_ids
from features.tables.change_rows import read_changes
from features.tables.lead_rows import Leads
from features.tables.outcome_days import NO_OUTCOME_DAYS, OutcomeDays
from features.tables.outcome_rows import days_of_outcomes, read_usable_outcomes
from features.tables.table_reader import INTERACTIONS, RawTables, Rows, open_rows
from serving.loading.interaction_rows import INTERACTION_ROWS, interactions_table
from serving.loading.outcome_rows import OUTCOME_ROWS, outcomes_table
from serving.loading.row_fates import DUPLICATE, EMPTY_CELL, ID_OF_ANOTHER_LEAD, UNKNOWN_LEAD
from serving.loading.storable import Places, reasons_of_leads, texts_of
from serving.loading.value_rows import CHANGES, changes_table

# What becomes of rows that do not count, or count once, by the rules of a history.
_REASONS: Final[Mapping[str, str]] = {
    "D020": EMPTY_CELL,
    "D021": UNKNOWN_LEAD,
    "D025": DUPLICATE,
    "D026": ID_OF_ANOTHER_LEAD,
}


@dataclass(frozen=True, slots=True)
class RowsOfLeads:
    """The rows of the store.

    Attributes:
        tables: by table, sorted by `lead`, the number of the id that they are under.
        ids_count: number of ids: those of leads, and aliases of leads that are no leads themselves.
        left_out: numbers of rows left out, by table and reason.
    """

    tables: dict[str, pa.Table]
    ids_count: int
    left_out: dict[str, dict[str, int]] = field(default_factory=dict)


def rows_of_partition(partitions: Partitions, number: int, *, now: int) -> RowsOfLeads:
    """Reads one partition as rows of the store.

    Args:
        partitions: all of them.
        number: of the partition.
        now: microseconds UTC; what lies more than five minutes after it is refused.
    """
    raw, findings = _with_displayed(partitions.raw(number)), Findings()
    types = _types(partitions)
    leads = read_ids(raw, findings, types, {}) if "leads" in raw.tables else None
    if leads is None:
        return RowsOfLeads(_NO_ROWS, 0)
    places = Places(leads, reasons_of_leads(leads, now=now))
    rows = _rows(raw, "outcomes", findings)
    sent = None if rows is None else read_usable_outcomes(rows, leads)
    days = NO_OUTCOME_DAYS if rows is None or sent is None else days_of_outcomes(rows, leads, sent)
    attributes = _attributes(raw, leads, types, days, findings)
    stored = RowsOfLeads(
        {
            "leads": _leads_table(leads, places),
            "attribute_changes": changes_table(attributes, leads, places, partitions.layout.settings),
            "outcomes": outcomes_table(sent, leads, places, now=now),
            INTERACTIONS: interactions_table(
                _rows(raw, INTERACTIONS, findings), leads, places, days, duplicates=raw.duplicates, now=now
            ),
        },
        places.count,
    )
    stored.left_out.update(_left_out(findings, places))
    return stored


def _with_displayed(raw: RawTables) -> RawTables:
    """Has the attributes that are shown only read, too: people see them beside the lead, no model does."""
    attributes = {
        name: replace(said, use=None) if said.use == "display" else said
        for name, said in raw.settings.attributes.items()
    }
    return replace(raw, settings=replace(raw.settings, attributes=attributes))


def _types(partitions: Partitions) -> dict[str, AttributeType]:
    """Gives the types of all attributes; what is shown only is text, as it stands."""
    shown = partitions.layout.settings.displayed
    return {**partitions.attribute_types, **dict.fromkeys(shown, "category")}


def left_out_by(findings: Findings, *, tables: Sequence[str]) -> dict[str, dict[str, int]]:
    """Counts the rows that a history leaves out, by table and reason."""
    counts: dict[str, Counter[str]] = {}
    for finding in findings.found():
        if finding.code in _REASONS and finding.table in tables:
            counts.setdefault(finding.table, Counter())[_REASONS[finding.code]] += finding.count
    return {table: dict(by_reason) for table, by_reason in counts.items()}


def _left_out(findings: Findings, places: Places) -> dict[str, dict[str, int]]:
    total = {table: Counter(counts) for table, counts in places.refused.items()}
    for table, counts in left_out_by(findings, tables=(INTERACTIONS,)).items():
        total.setdefault(table, Counter()).update(counts)
    return {
        table: {reason: count for reason, count in counts.items() if count} for table, counts in total.items()
    }


def _leads_table(leads: Leads, places: Places) -> pa.Table:
    stored = places.leads
    account = None if leads.account is None else texts_of(leads.account.codes[stored], leads.account.values)
    return pa.table(
        {
            "lead": pa.array(places.of(stored)),
            "lead_id": leads.ids.take(pa.array(stored)),
            "created_at": leads.created_at[stored],
            "account_id": pa.nulls(len(stored), pa.string()) if account is None else account,
        }
    )


def _attributes(
    raw: RawTables,
    leads: Leads,
    types: Mapping[str, AttributeType],
    days: OutcomeDays,
    findings: Findings,
) -> Mapping[str, Attribute]:
    if "attribute_changes" not in raw.tables:
        return leads.attributes
    rows = open_rows(raw, "attribute_changes", findings)
    return read_changes(rows, leads, attribute_types=types, days=days)


def _rows(raw: RawTables, table: str, findings: Findings) -> Rows | None:
    return open_rows(raw, table, findings) if table in raw.tables else None


# Of a partition without leads.
_NO_ROWS: Final = {
    "leads": pa.table(
        {
            "lead": pa.array([], pa.int64()),
            "lead_id": pa.array([], pa.string()),
            "created_at": pa.array([], pa.int64()),
            "account_id": pa.array([], pa.string()),
        }
    ),
    "attribute_changes": CHANGES.empty_table(),
    "outcomes": OUTCOME_ROWS.empty_table(),
    INTERACTIONS: INTERACTION_ROWS.empty_table(),
}
