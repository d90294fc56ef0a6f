"""Results of a training or a backtest, as an object and as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.evaluation.figures import Evaluation, estimates_to_json
from training.metrics.bootstrap import Estimate
from training.promotion.gate import Verdict


def failed_yardsticks(evaluation: Evaluation) -> dict[str, Any]:
    """Names the baselines that failed and why, for the object of a command; nothing where none did."""
    failed = dict(evaluation.failed_baselines)
    return {"failed_yardsticks": failed} if failed else {}


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """A version that was trained, evaluated and registered.

    Attributes:
        model_version: in the registry.
        run_id: in MLflow.
        bundle: absolute folder.
        horizon_days: the main horizon.
        is_promoted: whether the version is the champion now.
        refused: whether a promotion was requested and the gate refused it.
        verdict: of the gate.
        evaluation: all figures.
        notes: sentences for people.
        report: absolute path of the report; None where a server stores it.
    """

    model_version: str
    run_id: str
    bundle: Path
    horizon_days: float
    is_promoted: bool
    refused: bool
    verdict: Verdict
    evaluation: Evaluation
    notes: tuple[str, ...]
    report: Path | None = None

    def summary(self) -> dict[str, Any]:
        """The object that `train --json` prints."""
        return {
            "model_version": self.model_version,
            "run_id": self.run_id,
            "bundle": str(self.bundle),
            "horizon_days": self.horizon_days,
            "promoted": self.is_promoted,
            "verdict": [row.to_json() for row in self.verdict.rows],
            "metrics": estimates_to_json(self.evaluation.metrics),
            **failed_yardsticks(self.evaluation),
        }

    def __str__(self) -> str:
        """The result as text."""
        state = "the champion now" if self.is_promoted else "not promoted"
        head = f"Version {self.model_version}, {state}: {self.bundle}"
        failed = [f"  {row.rule}: {row.sentence}" for row in self.verdict.rows if not row.passed]
        page = [f"Report: {self.report}"] if self.report is not None else []
        return "\n".join(
            [head, *figure_lines(self.evaluation), self.verdict.sentence, *failed, *self.notes, *page]
        )


@dataclass(frozen=True, slots=True)
class BacktestOutcome:
    """Evaluation at rolling origins; nothing was registered.

    Attributes:
        horizon_days: the main horizon.
        verdict: of the gate for a first champion.
        evaluation: all figures.
        notes: sentences for people.
        run_id: in MLflow.
    """

    horizon_days: float
    verdict: Verdict
    evaluation: Evaluation
    notes: tuple[str, ...]
    run_id: str

    def summary(self) -> dict[str, Any]:
        """The object that `backtest --json` prints."""
        return {
            "run_id": self.run_id,
            "horizon_days": self.horizon_days,
            "verdict": [row.to_json() for row in self.verdict.rows],
            **self.evaluation.to_json(),
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        """The result as text."""
        return "\n".join([*figure_lines(self.evaluation), *_origin_lines(self.evaluation), *self.notes])


def figure_lines(evaluation: Evaluation) -> Iterator[str]:
    """Writes the pooled figures with their intervals, one per line."""
    yield from _estimate_lines(evaluation.metrics)
    if evaluation.cost_of_additivity is not None:
        yield from _estimate_lines({"cost_of_additivity": evaluation.cost_of_additivity})
    for name, reason in evaluation.failed_baselines.items():
        yield f"  {name} could not be fitted {reason}"


def _estimate_lines(figures: Mapping[str, Estimate]) -> Iterator[str]:
    """Writes figures, one per line."""
    for name, figure in figures.items():
        yield f"  {name:<26}{figure.value:>9.4f}  [{figure.low:.4f}, {figure.high:.4f}]"


def _origin_lines(evaluation: Evaluation) -> Iterator[str]:
    """Writes the origins, one per line."""
    for record in evaluation.by_origin:
        until = record["test_until"][:10]
        yield (
            f"  {record['test_from'][:10]} to {until}: {record['examples']} examples, "
            f"{record['conversions']} converted, {record['promised']:.0f} predicted"
        )
