"""Reads the tables of a history: a small one at once, a large one by partitions, with the same result."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from features.findings.problems import Findings
from features.history.lead_history import AttributeType, LeadHistory
from features.history.settings import HistorySettings
from features.progress import Progress, silent
from features.sources.open_source import Source, open_source
from features.sources.pieces import LARGE_ROWS, PARTITION_ROWS, OpenSource, read_all
from features.tables.assemble import assemble


def read_source(
    source: Source,
    findings: Findings,
    *,
    attribute_types: Mapping[str, AttributeType] | None = None,
    settings: HistorySettings | None = None,
    machine_rules: int | None = None,
    progress: Progress = silent,
) -> LeadHistory | None:
    """Reads a history; checks of the whole history are left to `features.checks.checks`.

    Args:
        source: a folder of Parquet or CSV tables, a database URL, or tables in memory.
        findings: collects what is wrong.
        attribute_types: types by attribute name; other types are inferred from the values.
        settings: of the model that reads; None: those of the history.
        machine_rules: number of the rules by which rows are left out as machine-made; None: those of
            `settings`.
        progress: called once per table.

    Returns:
        None where a finding stops everything.
    """
    with open_source(source, findings, settings=settings) as found:
        opened = found if machine_rules is None else _by_rules(found, machine_rules)
        if opened.interactions is not None and opened.interactions.rows_count > LARGE_ROWS:
            return _gathered(opened, findings, attribute_types, progress)
        raw = read_all(opened, findings)
        return assemble(raw, findings, attribute_types=attribute_types, progress=progress)


def _by_rules(opened: OpenSource, machine_rules: int) -> OpenSource:
    settings = replace(opened.raw.settings, machine_rules=machine_rules)
    return replace(opened, raw=replace(opened.raw, settings=settings))


def _gathered(
    opened: OpenSource,
    findings: Findings,
    attribute_types: Mapping[str, AttributeType] | None,
    progress: Progress,
) -> LeadHistory | None:
    """Reads by partitions: texts are never all in memory."""
    # Imported here: reading a small history does not need DuckDB.
    from features.partitions.gathering import gather_history
    from features.partitions.partitions import split_source
    from features.partitions.pool import cores_count

    with tempfile.TemporaryDirectory(prefix="leadodds-") as folder:
        split = split_source(
            opened,
            Path(folder) / "partitions",
            findings,
            attribute_types=attribute_types,
            partition_rows=PARTITION_ROWS,
            progress=progress,
        )
        if split is None:
            return None
        return gather_history(*split, findings, workers=cores_count(), progress=progress)
