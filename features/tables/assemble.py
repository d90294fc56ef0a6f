"""Builds one history from its tables and collects the findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from features.findings.problems import Findings
from features.history.extent import observed_end
from features.history.joins import links_of
from features.history.lead_history import Attribute, AttributeType, LeadHistory, Links
from features.history.merging import join_attribute
from features.history.outcomes import no_outcomes
from features.history.settings import AttributeSettings, Format
from features.history.subset import has_values
from features.progress import Progress, silent
from features.tables.alias_rows import ALIASES, only_leads, read_aliases
from features.tables.change_rows import read_changes
from features.tables.grouping import group_by_account, group_by_lead
from features.tables.interaction_rows import read_interactions
from features.tables.joining import join_interactions, lead_rows
from features.tables.lead_rows import Leads, read_leads
from features.tables.outcome_days import NO_OUTCOME_DAYS, OutcomeDays
from features.tables.outcome_rows import read_outcomes
from features.tables.table_reader import RawTables, open_rows


def assemble(
    raw: RawTables,
    findings: Findings,
    *,
    observed_until: int | None = None,
    attribute_types: Mapping[str, AttributeType] | None = None,
    progress: Progress = silent,
) -> LeadHistory | None:
    """Builds a history from tables.

    Args:
        raw: the tables as they were read.
        findings: collects what is wrong.
        observed_until: microseconds UTC; by default where the rows end as a mass.
        attribute_types: types by attribute name; other types are inferred from the values.
        progress: called once per table.

    Returns:
        None where a finding stops everything.
    """
    types = attribute_types or {}
    decided: dict[str, dict[str, Format]] = {}
    leads = None
    if "leads" in raw.tables:
        progress("leads", 0.0)
        leads = read_ids(raw, findings, types, decided)
    history = _with_other_tables(raw, findings, leads, types, decided, progress)
    if history is None or findings.stop():
        return None
    progress("history", 1.0)
    return replace(
        history, observed_until=observed_end(history) if observed_until is None else observed_until
    )


def read_ids(
    raw: RawTables,
    findings: Findings,
    types: Mapping[str, AttributeType],
    decided: dict[str, dict[str, Format]],
) -> Leads | None:
    """Reads the leads and their aliases; None where a finding stops everything.

    Args:
        raw: the tables as they were read, `leads` among them.
        findings: collects what is wrong.
        types: types by attribute name; other types are inferred from the values.
        decided: collects how columns are written.
    """
    rows = open_rows(raw, "leads", findings, decided)
    leads = read_leads(
        rows, attribute_types=types, is_typed=raw.is_typed, types_are_of_cells=raw.types_are_of_cells
    )
    if ALIASES not in raw.tables:
        return leads
    return read_aliases(open_rows(raw, ALIASES, findings, decided), leads)


def _with_other_tables(
    raw: RawTables,
    findings: Findings,
    leads: Leads | None,
    types: Mapping[str, AttributeType],
    decided: dict[str, dict[str, Format]],
    progress: Progress,
) -> LeadHistory | None:
    interactions, outcomes, days = None, None, NO_OUTCOME_DAYS
    if "interactions" in raw.tables:
        progress("interactions", 0.1)
        rows = open_rows(raw, "interactions", findings, decided)
        interactions = read_interactions(rows, leads, duplicates=raw.duplicates)
    if "outcomes" in raw.tables:
        progress("outcomes", 0.5)
        read = read_outcomes(open_rows(raw, "outcomes", findings, decided), leads)
        outcomes, days = read or (None, days)
    attributes = _with_changes(raw, findings, leads, types, decided, days)
    if leads is None or interactions is None:
        return None
    interactions = interactions.known_after(days)
    for name in sorted({*leads.columns} - {*attributes} if len(leads.ids) else ()):
        findings.add("D032", table="leads", column=name)
    progress("history", 0.6)
    interactions, of_accounts = join_interactions(interactions, leads)
    links = _links(leads)
    leads = only_leads(leads)
    rules = raw.settings.machine_rules
    no_account = np.full(len(leads.ids), -1, np.int32)
    return LeadHistory(
        lead_ids=leads.ids,
        created_at=leads.created_at,
        account=no_account if leads.account is None else leads.account.codes,
        attributes=attributes,
        interactions=group_by_lead(interactions, leads, rules=rules, findings=findings),
        account_interactions=group_by_account(of_accounts, leads, rules=rules),
        outcomes=outcomes or no_outcomes(len(leads.ids)),
        observed_until=0,
        settings=raw.settings.with_formats(decided),
        links=links,
        account_ids=leads.account,
    )


def _links(leads: Leads) -> Links | None:
    if leads.joins is None or leads.is_lead is None:
        return None
    return links_of(leads.joins, leads.created_at, lead_rows(leads.is_lead))


def _with_changes(
    raw: RawTables,
    findings: Findings,
    leads: Leads | None,
    types: Mapping[str, AttributeType],
    decided: dict[str, dict[str, Format]],
    days: OutcomeDays,
) -> Mapping[str, Attribute]:
    if "attribute_changes" in raw.tables:
        rows = open_rows(raw, "attribute_changes", findings, decided)
        attributes = read_changes(rows, leads, attribute_types=types, days=days)
    else:
        attributes = dict(leads.attributes) if leads else {}
        if any(raw.settings.attribute(name).known is None for name in attributes):
            findings.add("D037", table="leads")
    exported = [name for name in attributes if _is_left_to_export(raw.settings.attribute(name))]
    if exported:
        findings.add("D105", table="leads", count=len(exported), columns=", ".join(exported))
    if leads is not None and leads.joins is not None and leads.is_lead is not None:
        attributes = {
            name: join_attribute(attribute, leads.joins, leads.created_at, leads.is_lead)
            for name, attribute in attributes.items()
        }
    return {name: attribute for name, attribute in attributes.items() if has_values(attribute)}


def _is_left_to_export(said: AttributeSettings) -> bool:
    """Tells whether an attribute is no feature because its values are known only as of the export."""
    return said.known == "export" and said.use is None
