"""What a monitor found, as an object and as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from features.times import format_time
from training.evaluation.fairness import Fairness, fairness_lines, fairness_to_json
from training.evaluation.held_out import HeldOutComparison
from training.monitoring.cohorts import Cohort, Cohorts
from training.monitoring.complete import CompleteFigures
from training.monitoring.delays import ReportingDelay
from training.monitoring.given_scores import LeftOut
from training.monitoring.inputs.inputs import Inputs
from training.monitoring.movement import Movement
from training.monitoring.verdict import MonitorVerdict

_SHOWN_MOVES: Final = 8


@dataclass(frozen=True, slots=True)
class MonitorResult:
    """Past scores beside what followed, and what to do.

    Attributes:
        history: its name, without a password.
        as_of: the moment of the monitor, microseconds UTC.
        observed_until: the end of what is known, microseconds UTC.
        horizon_days: of the scores.
        champion: version that answers; None where none does.
        scores: compared.
        left_out: rows of the scores that do not count.
        had_converted: scores of leads whose conversion had happened and was not yet known.
        delay: of reporting.
        cohorts: expected and observed so far.
        verdict: what to do.
        complete: figures of the last complete horizon; None where too few converted.
        movement: what moved the mean score; None where a period or a bundle is missing.
        inputs: of the last weeks.
        notes: sentences for people.
        held_out: leads ranked by chance against the others; None where too few converted.
        fairness: by configured attribute, figures of each group over the complete scores.
    """

    history: str
    as_of: int
    observed_until: int
    horizon_days: float
    champion: str | None
    scores: int
    left_out: LeftOut
    had_converted: int
    delay: ReportingDelay
    cohorts: Cohorts
    verdict: MonitorVerdict
    complete: CompleteFigures | None
    movement: Movement | None
    inputs: Inputs
    notes: tuple[str, ...] = ()
    fairness: Fairness = field(default_factory=dict)
    held_out: HeldOutComparison | None = None

    @property
    def is_flagged(self) -> bool:
        """Whether a limit is crossed."""
        return self.verdict.is_flagged

    def summary(self) -> dict[str, Any]:
        """The object that `monitor --json` prints."""
        return {
            "as_of": format_time(self.as_of),
            "observed_until": format_time(self.observed_until),
            "history": self.history,
            "horizon_days": self.horizon_days,
            "champion": self.champion,
            "scores": {"compared": self.scores, "had_converted": self.had_converted, **asdict(self.left_out)},
            "reporting_delay_days": {
                "median": round(self.delay.median_days, 4),
                "slowest": round(self.delay.slowest_days, 4),
                "conversions": self.delay.conversions,
            },
            "verdict": self.verdict.to_json(),
            "expected_observed": self.cohorts.to_json(),
            "complete": None if self.complete is None else self.complete.to_json(),
            "moved": None if self.movement is None else self.movement.to_json(),
            "inputs": self.inputs.to_json(),
            "held_out": None if self.held_out is None else self.held_out.to_json(),
            "notes": list(self.notes),
            **({"fairness": fairness_to_json(self.fairness)} if self.fairness else {}),
        }

    def stored(self) -> dict[str, Any]:
        """The object that the home keeps: without the id of any lead, which an erasure would miss."""
        summary = self.summary()
        complete = summary["complete"]
        if complete is not None:
            summary["complete"] = {name: part for name, part in complete.items() if name != "surprises"}
        return summary

    def __str__(self) -> str:
        """The verdict first, then the figures it comes from."""
        verdict = self.verdict
        lines = [f"Verdict: {verdict.sentence}"]
        lines += [f"  {line.rule}: {line.sentence()}" for line in verdict.lines if line.state == "crossed"][
            1:
        ]
        others: Mapping[str, int] = {
            state: sum(line.state == state for line in verdict.lines) for state in ("within", "too few data")
        }
        lines.append(
            f"Other figures: {others['within']} within limits, {others['too few data']} with too few data."
        )
        lines.append("")
        lines.append(f"{'':<28}{'scores':>8}{'expected':>10}{'observed':>10}  observed/expected [95 %]")
        lines += [_row("Last horizon, so far", self.cohorts.recent)]
        if self.cohorts.last_complete is not None:
            lines.append(_row("Last complete horizon", self.cohorts.last_complete))
        for question, cohorts in self.cohorts.by.items():
            lines.append(f"by {question}")
            lines += [_row(f"  {cohort.name}", cohort) for cohort in cohorts]
        if self.cohorts.held_out is not None:
            lines.append(_row("Held out", self.cohorts.held_out))
        if self.cohorts.audit is not None:
            lines.append(_row("Single scores, as selected", self.cohorts.audit))
        lines += [*_complete_lines(self.complete), *_moved_lines(self.movement)]
        lines += [] if self.held_out is None else ["", str(self.held_out)]
        lines += [*fairness_lines(self.fairness), "", *self.notes]
        return "\n".join(lines).rstrip()


def _row(name: str, cohort: Cohort) -> str:
    ratio = cohort.ratio
    shown = f"{ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]" if cohort.expected > 0 else "-"
    return f"{name[:27]:<28}{cohort.scores:>8,}{cohort.expected:>10.1f}{cohort.observed:>10,}  {shown}"


def _complete_lines(complete: CompleteFigures | None) -> list[str]:
    if complete is None:
        return []
    shown = {name: complete.metrics[name] for name in ("auc", "log_loss_skill")}
    figures = {**shown, "calibration slope": complete.slope}
    lines = ["", f"Last complete horizon: {complete.scores:,} scores, {complete.conversions:,} conversions"]
    lines += [
        f"  {name}: {estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
        for name, estimate in figures.items()
    ]
    lines.append("  furthest from what followed (lead, moment, version: probability, converted):")
    lines += [
        f"    {each.lead_id}, {format_time(each.as_of)}, {each.model_version}: {each.probability:.4f}, "
        f"{'yes' if each.converted else 'no'}"
        for each in complete.surprises
    ]
    return lines


def _moved_lines(movement: Movement | None) -> list[str]:
    if movement is None:
        return []
    lines = ["", f"Mean log-odds moved by {movement.total:+.3f}: {movement.cause}"]
    if movement.other_version:
        lines.append(f"  {movement.other_version:+.3f}  another version")
    lines += [
        f"  {move.points:+.3f}  {move.feature} (mix {move.mix:+.3f}, same leads {move.within:+.3f})"
        for move in movement.moves[:_SHOWN_MOVES]
    ]
    return lines
