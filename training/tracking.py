"""What a training and a backtest write into their run: data sets, figures, and a run for each origin."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from features.catalog.spec import FeatureSet
from features.history.lead_history import Bools, LeadHistory
from features.sources.open_source import Source, lasting_name
from features.tables.schema import NUMBER_COLUMNS, OPTIONAL, REQUIRED, TIME_COLUMNS
from models.registry.datasets import HistorySource, RunDataset
from models.registry.names import gate_tag
from models.registry.runs import Run, flatten
from training.backtesting.predictions import BacktestPredictions
from training.config import TrainingConfig
from training.evaluation.figures import Evaluation
from training.promotion.gate import Verdict

# Kept in the card and the report only: names in them come from the history, and MLflow refuses many.
_NOT_AS_METRICS: Final = ("by_origin", "parts", "reliability", "gains_curve", "training_distribution")
_DATES: Final = ("at", "test_from", "test_until")
_TESTS: Final = "test_examples"
_GATE: Final = "gate.json"


def run_tags(config: TrainingConfig) -> dict[str, str]:
    """The tags by which runs are found and compared."""
    return {"leadodds.seed": str(config.seed), "leadodds.quick": str(config.quick).lower()}


def log_verdict(run: Run, verdict: Verdict) -> None:
    """Logs the verdict of the gate as a table, `gate.json`, which MLflow shows as one, and as tags."""
    rows = [row.to_json() for row in verdict.rows]
    columns = list(rows[0]) if rows else []
    table = {"columns": columns, "data": [[row[name] for name in columns] for row in rows]}
    with TemporaryDirectory() as folder:
        (Path(folder) / _GATE).write_text(json.dumps(table), encoding="utf-8")
        run.log_files(Path(folder))
    tables = json.dumps([{"path": _GATE, "type": "table"}])
    statuses = {gate_tag(row.rule): row.status for row in verdict.rows}
    run.set_tags({"mlflow.loggedArtifacts": tables, **statuses})


def log_evaluation(
    run: Run,
    evaluation: Evaluation,
    predictions: BacktestPredictions,
    *,
    history: LeadHistory,
    source: HistorySource,
    feature_set: FeatureSet,
) -> RunDataset:
    """Logs the data that was read and tested on, all figures, and a run below this one for each origin.

    Args:
        run: of the training or backtest.
        evaluation: all figures.
        predictions: of the test examples.
        history: that was read.
        source: where it was read.
        feature_set: of the test examples.

    Returns:
        The test examples of all origins.
    """
    everyone = np.ones(len(predictions.lead), dtype=np.bool_)
    tested = _tested(predictions, everyone, source, feature_set)
    run.log_datasets([*_tables(history, source), tested])
    record = evaluation.to_json()
    run.log_metrics(
        _numbers({name: figures for name, figures in record.items() if name not in _NOT_AS_METRICS}),
        dataset=tested,
    )
    for number, of_origin in enumerate(evaluation.by_origin):
        run.log_metrics(_numbers({"origin": of_origin}), step=number, dataset=tested)
        _log_origin(run, of_origin, _tested(predictions, predictions.origin == number, source, feature_set))
    return tested


def source_of_run(
    source: Source, history: LeadHistory, digests: Mapping[str, str], *, config: TrainingConfig
) -> HistorySource:
    """Notes where a history was read and what it held, so that it can be read again from the run."""
    return HistorySource(
        lasting_name(source), history.observed_until, dict(config.attribute_types), dict(digests)
    )


def _log_origin(run: Run, record: Mapping[str, Any], tested: RunDataset) -> None:
    """Logs one origin as a run of its own: its dates are parameters, the rest are figures."""
    with run.child(f"origin {record['at'][:10]}") as below:
        below.log_params({name: record[name] for name in _DATES})
        below.log_datasets([tested])
        below.log_metrics(_numbers(record), dataset=tested)


def _tables(history: LeadHistory, source: HistorySource) -> Iterator[RunDataset]:
    """Describes the tables that a history was read from."""
    changes = [attribute.changes for attribute in history.attributes.values() if attribute.changes]
    rows = {
        "leads": history.leads_count,
        "interactions": len(history.interactions.occurred_at),
        "outcomes": len(history.outcomes.occurred_at),
        "attribute_changes": sum(len(change.available_at) for change in changes),
    }
    for table, digest in source.digests.items():
        counted = {"num_rows": rows[table]} if table in rows else {}
        yield RunDataset(table, digest, _columns(table, history), source, "training", counted)


def _columns(table: str, history: LeadHistory) -> dict[str, str]:
    """Gives the type of each column that a table may have, attributes included."""
    kinds = dict.fromkeys(TIME_COLUMNS[table], "datetime")
    kinds |= dict.fromkeys(NUMBER_COLUMNS.get(table, ()), "number")
    columns = {name: kinds.get(name, "string") for name in (*REQUIRED[table], *OPTIONAL[table])}
    if table == "leads":
        columns |= {name: attribute.type for name, attribute in history.attributes.items()}
    return columns


def _tested(
    predictions: BacktestPredictions, mask: Bools, source: HistorySource, feature_set: FeatureSet
) -> RunDataset:
    """Describes some of the test examples: their features, and whether they converted."""
    lead, converted = predictions.lead[mask], predictions.converted[mask]
    content = b"".join(column.tobytes() for column in (lead, predictions.as_of[mask], converted))
    columns: dict[str, str] = {feature.name: feature.type for feature in feature_set.features}
    profile = {
        "num_rows": len(lead),
        "leads": len(np.unique(lead)),
        "conversions": int(converted.sum()),
    }
    digest = sha256(content).hexdigest()
    return RunDataset(_TESTS, digest, columns | {"converted": "boolean"}, source, "testing", profile)


def _numbers(record: Mapping[str, Any]) -> dict[str, float]:
    """Takes the numbers of nested objects, by dotted names."""
    return {name: value for name, value in flatten(record).items() if isinstance(value, int | float)}
