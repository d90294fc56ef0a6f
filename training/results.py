"""What a training or a backtest answers, for machines and for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.evaluation.figures import Evaluation, estimates_to_json
from training.metrics.bootstrap import Estimate
from training.promotion.gate import Verdict


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """A version that was trained, judged and registered.

    Attributes:
        model_version: in the registry.
        run_id: in MLflow.
        bundle: absolute folder.
        horizon_days: the main horizon.
        is_promoted: whether it is the champion now.
        refused: whether it was to be promoted and the gate forbade it.
        verdict: of the gate.
        evaluation: all figures.
        notes: sentences for people.
        report: absolute path of the page that shows all of it; None where a server keeps it.
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
        }

    def __str__(self) -> str:
        """The same for a person."""
        state = "the champion now" if self.is_promoted else "not promoted"
        head = f"Version {self.model_version}, {state}: {self.bundle}"
        failed = [f"  {row.rule}: {row.sentence}" for row in self.verdict.rows if not row.passed]
        page = [f"Report: {self.report}"] if self.report is not None else []
        return "\n".join(
            [head, *told_figures(self.evaluation), self.verdict.sentence, *failed, *self.notes, *page]
        )


@dataclass(frozen=True, slots=True)
class BacktestOutcome:
    """What rolling origins showed; nothing was registered.

    Attributes:
        horizon_days: the main horizon.
        verdict: what the gate would say of a first champion.
        evaluation: all figures.
        notes: sentences for people.
    """

    horizon_days: float
    verdict: Verdict
    evaluation: Evaluation
    notes: tuple[str, ...]

    def summary(self) -> dict[str, Any]:
        """The object that `backtest --json` prints."""
        return {
            "horizon_days": self.horizon_days,
            "verdict": [row.to_json() for row in self.verdict.rows],
            **self.evaluation.to_json(),
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        """The same for a person."""
        return "\n".join([*told_figures(self.evaluation), *_told_origins(self.evaluation), *self.notes])


def told_figures(evaluation: Evaluation) -> Iterator[str]:
    """Tells the pooled figures, one a line, with their intervals."""
    yield from _told(evaluation.metrics)
    if evaluation.cost_of_additivity is not None:
        yield from _told({"price_of_readability": evaluation.cost_of_additivity})


def _told(figures: Mapping[str, Estimate]) -> Iterator[str]:
    """Tells figures, one a line."""
    for name, figure in figures.items():
        yield f"  {name:<26}{figure.value:>9.4f}  [{figure.low:.4f}, {figure.high:.4f}]"


def _told_origins(evaluation: Evaluation) -> Iterator[str]:
    """Tells each origin, one a line."""
    for record in evaluation.by_origin:
        until = record["test_until"][:10]
        yield (
            f"  {record['test_from'][:10]} to {until}: {record['examples']} examples, "
            f"{record['conversions']} converted, {record['promised']:.0f} promised"
        )
