"""Scores one partition of leads: Arrow tables of their history in, a table of score rows out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from features.checks.model_inputs import NO_COUNTS, InputCounts, count_inputs
from features.findings.problems import Finding
from features.history.known import has_row
from features.history.lead_history import AttributeType, Floats, LeadHistory
from features.partitions.merging import write_rows
from features.partitions.partitions import Partitions, finding_of_record, read_partition
from features.tables.table_reader import RawTables
from models.bundle.bundle import read_bundle
from serving.batch.checkpoint import read_checkpoint, write_checkpoint
from serving.batch.combine import PRIORITY
from serving.scoring.arrow_rows import SCORE_SCHEMA, priorities, score_table
from serving.scoring.isolation import score_isolated
from serving.scoring.predictor import Predictor
from serving.scoring.reasons import ReasonCount

# Leads scored together: their features stay in the processor's cache.
CHUNK_LEADS: Final = 8_192


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How all leads of a batch are scored.

    Attributes:
        as_of: the moment of the prediction, microseconds UTC.
        scored_at: the value of the column of that name, microseconds UTC.
        reasons: how many to name.
    """

    as_of: int
    scored_at: int
    reasons: ReasonCount = 3


@dataclass(frozen=True, slots=True)
class ScoredPartition:
    """The scores of a partition.

    Attributes:
        table: a row per lead created at or before `as_of`, sorted by `lead_id`; ranks are null, they need all
            leads. Empty where a finding stops everything.
        priority: (rows,) what ranks sort by, highest first; NaN for a lead without rank.
        failures: why leads failed, by id, in the order of the ids.
        found: what is wrong with the interactions.
        inputs: what the partition has of the inputs of the model.
    """

    table: pa.Table
    priority: Floats = field(default_factory=lambda: np.empty(0))
    failures: dict[str, str] = field(default_factory=dict)
    found: tuple[Finding, ...] = ()
    inputs: InputCounts = NO_COUNTS

    def count(self, column: str) -> dict[str, int]:
        """Counts the rows by a column of texts, without nulls."""
        counts = Counter(self.table[column].drop_null().to_pylist())
        return dict(sorted(counts.items()))


def score_tables(
    raw: RawTables,
    *,
    predictor: Predictor,
    options: BatchOptions,
    attribute_types: Mapping[str, AttributeType],
) -> ScoredPartition:
    """Scores the leads of some tables; each score is independent of the other leads.

    Args:
        raw: all rows of the leads, and all leads of their accounts.
        predictor: scores the leads.
        options: moment, time and number of reasons.
        attribute_types: of all attributes; by default those of the predictor.

    Raises:
        LeadOddsError: an error that concerns every lead.
    """
    history, found = read_partition(raw, attribute_types=attribute_types)
    if history is None:
        return ScoredPartition(SCORE_SCHEMA.empty_table(), found=found)
    return replace(score_leads(history, predictor=predictor, options=options), found=found)


def score_leads(history: LeadHistory, *, predictor: Predictor, options: BatchOptions) -> ScoredPartition:
    """Scores the leads of a history; see `score_tables`."""
    leads = np.flatnonzero(has_row(history, options.as_of))
    tables, priority = [SCORE_SCHEMA.empty_table()], [np.empty(0)]
    failures: dict[str, str] = {}
    for start in range(0, len(leads), CHUNK_LEADS):
        chunk = leads[start : start + CHUNK_LEADS]
        for part, scores in score_isolated(predictor, history, chunk, options.as_of, reasons=options.reasons):
            ids = history.lead_ids.take(pa.array(part))
            tables.append(score_table(predictor, scores, ids, scored_at=options.scored_at))
            priority.append(priorities(scores))
            failures.update({ids[place].as_py(): why for place, why in scores.failures.items()})
    return ScoredPartition(
        pa.concat_tables(tables),
        np.concatenate(priority),
        failures,
        inputs=count_inputs(predictor.inputs, history, as_of=options.as_of),
    )


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts over the scores of one partition or several.

    Attributes:
        by_status: number of leads by status.
        by_band: number of leads by band, without leads that have none.
        failures: why leads failed, by id.
        found: what is wrong with the interactions.
        inputs: what the partitions have of the inputs of the model.
    """

    by_status: dict[str, int]
    by_band: dict[str, int]
    failures: dict[str, str]
    found: tuple[Finding, ...]
    inputs: InputCounts = NO_COUNTS


def scores_path(folder: Path, partition: int) -> Path:
    """The file for the scores of a partition, with what ranks sort by."""
    return folder / f"scored-{partition:04d}.arrow"


def read_tally(folder: Path, partition: int) -> Tally | None:
    """Reads the counts of a partition; None where it is not finished."""
    stored = read_checkpoint(scores_path(folder, partition).with_suffix(".json"))
    if stored is None or "inputs" not in stored:
        return None
    found = tuple(map(finding_of_record, stored["found"]))
    return Tally(**{**stored, "found": found, "inputs": InputCounts.from_json(stored["inputs"])})


def score_partition(
    partitions: Partitions, number: int, folder: Path, bundle: tuple[Path, str], options: BatchOptions
) -> Tally:
    """Scores a partition and writes its rows and counts.

    Args:
        partitions: all of them.
        number: of the partition to score.
        folder: of the job.
        bundle: folder and digest of the version.
        options: how every lead is scored.
    """
    history, found = partitions.read(number)
    tally = Tally({}, {}, {}, found)
    if history is not None:
        scored = score_leads(history, predictor=load_predictor(*bundle), options=options)
        rows = scored.table.append_column(PRIORITY, pa.array(scored.priority))
        write_rows(scores_path(folder, number), rows)
        tally = Tally(scored.count("status"), scored.count("band"), scored.failures, found, scored.inputs)
    write_checkpoint(scores_path(folder, number).with_suffix(".json"), asdict(tally))
    return tally


@lru_cache(maxsize=1)
def load_predictor(folder: Path, _digest: str) -> Predictor:
    """Reads a version once per process."""
    return Predictor.from_bundle(read_bundle(folder))
