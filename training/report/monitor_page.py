"""The page of the monitor: verdict, expected and observed, what moved, complete cohorts, inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from features.times import format_time
from training.monitoring.cohorts import Cohort
from training.monitoring.complete import CompleteFigures
from training.monitoring.inputs.inputs import Inputs
from training.monitoring.movement import Movement
from training.monitoring.result import MonitorResult
from training.report.monitor_plots import draw_monitor
from training.report.page import fairness_tables, fill, held_out_facts, picture_of
from training.report.tables import NONE, Number, Row, Table, findings_table, metrics_table, reliability_table
from training.report.text import percent

_MOVES: Final = 20
_FEATURES: Final = 20


def render_monitor(result: MonitorResult) -> str:
    """Writes the page; the same result gives the same bytes.

    Args:
        result: of the monitor.
    """
    verdict, cohorts, complete, movement = (
        *(result.verdict, result.cohorts),
        *(result.complete, result.movement),
    )
    first = [("Last horizon, so far", cohorts.recent)]
    apart = [
        ("Last complete horizon", cohorts.last_complete),
        ("Held out of prioritisation", cohorts.held_out),
        ("Single scores, as selected", cohorts.audit),
    ]
    named = [*first, *((name, cohort) for name, cohort in apart if cohort is not None)]
    return fill(
        "monitor.html",
        title=f"LeadOdds: does the model still hold? Conversion within {result.horizon_days:g} days",
        lead=_lead(result),
        answer=verdict.sentence,
        crossed=[line.sentence() for line in verdict.crossed[1:]],
        lines=_lines(result),
        pictures={name: picture_of(plot) for name, plot in draw_monitor(result)},
        cohorts=_cohorts("Expected and observed conversions", named),
        groups=[
            _cohorts(f"By {question.replace('_', ' ')}", [(cohort.name, cohort) for cohort in found])
            for question, found in cohorts.by.items()
        ],
        moved=None if movement is None else _moved_sentence(movement),
        moves=None if movement is None else _moves(movement),
        metrics=None if complete is None else _metrics(complete),
        reliability=None if complete is None else reliability_table(complete.reliability),
        surprises=None if complete is None else _surprises(complete),
        held_out=None if cohorts.held_out is None else held_out_facts(result.held_out),
        fairness=fairness_tables(result.fairness),
        inputs=list(_inputs(result.inputs)),
        findings=findings_table(result.inputs.problems) if result.inputs.problems else None,
        notes=result.notes,
    )


def _lead(result: MonitorResult) -> str:
    delay = result.delay
    late = (
        f"Half of the conversions are known within {delay.median_days:.1f} days, nearly all within "
        f"{delay.slowest_days:.1f}."
        if delay.conversions
        else "The history does not say when conversions became known."
    )
    return (
        f"{result.scores:,} scores up to {format_time(result.as_of)}, with outcomes until "
        f"{format_time(result.observed_until)}. {late}"
    )


def _lines(result: MonitorResult) -> Table:
    rows: list[Row] = [[line.rule, line.state, line.sentence()] for line in result.verdict.lines]
    return Table("Every figure that was compared", ["rule", "state", "figure"], rows)


def _cohorts(caption: str, named: Sequence[tuple[str, Cohort]]) -> Table:
    rows: list[Row] = [
        [
            name,
            Number(f"{cohort.scores:,}"),
            Number(f"{cohort.expected:,.1f}"),
            Number(f"{cohort.observed:,}"),
            Number(f"{cohort.ratio.value:.2f}", f"{cohort.ratio.low:.2f} to {cohort.ratio.high:.2f}")
            if cohort.expected > 0
            else Number(NONE),
            Number(percent(cohort.complete_share)),
        ]
        for name, cohort in named
    ]
    head = ["scores of", "number", "expected so far", "observed so far", "observed / expected", "over"]
    return Table(caption, head, rows)


def _moved_sentence(movement: Movement) -> str:
    return (
        f"Mean log-odds moved by {movement.total:+.3f} from the horizon before to the last week: "
        f"{movement.cause}. Another version accounts for {movement.other_version:+.3f}."
    )


def _moves(movement: Movement) -> Table:
    rows: list[Row] = [
        [move.feature, *(Number(f"{part:+.3f}") for part in (move.points, move.mix, move.within))]
        for move in movement.moves[:_MOVES]
    ]
    return Table("Mean points, by feature", ["feature", "moved by", "other leads", "same leads"], rows)


def _metrics(complete: CompleteFigures) -> Table:
    figures = {**complete.metrics, "slope": complete.slope}
    return metrics_table("The last complete horizon", {"all scores": figures})


def _surprises(complete: CompleteFigures) -> Table:
    rows: list[Row] = [
        [
            each.lead_id,
            format_time(each.as_of),
            each.model_version,
            each.score_id or NONE,
            Number(f"{each.probability:.4f}"),
            "yes" if each.converted else "no",
        ]
        for each in complete.surprises
    ]
    head = ["lead", "as of", "version", "score id", "probability", "converted"]
    return Table("Furthest from what followed", head, rows)


def _inputs(inputs: Inputs) -> Iterator[Table]:
    rows: list[Row] = [
        [
            volume.kind,
            Number(f"{volume.rows:,}"),
            Number(f"{volume.expected:,.0f}"),
            "new" if volume.is_new else "",
        ]
        for volume in inputs.volumes
    ]
    if rows:
        yield Table("Interactions of the last week", ["kind", "rows", "expected", "remark"], rows)
    rows = [
        [
            facts.name,
            "absent" if facts.is_absent else "",
            *(Number(NONE if share != share else percent(float(share))) for share in facts.missing_share[:2]),
        ]
        for facts in inputs.attributes
        if len(facts.missing_share) > 1
    ]
    if rows:
        head = ["attribute", "remark", "missing last week", "the week before"]
        yield Table("Attributes of new leads", head, rows)
    rows = [
        [
            each.feature,
            Number(NONE if each.against_training is None else f"{each.against_training:.3f}"),
            Number(f"{each.against_before:.3f}"),
            Number(percent(each.missing_share)),
        ]
        for each in inputs.stability[:_FEATURES]
    ]
    if rows:
        head = ["feature", "against the training", "against the horizon before", "missing"]
        yield Table("Population stability index, for diagnosis", head, rows)
