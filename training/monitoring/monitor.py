"""Runs the monitor: history, past scores and bundles in, figures and verdict out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from features.checks.checked_history import CheckedHistory, read_history
from features.engine.matrix import Examples
from features.history.known import known_at
from features.history.lead_history import LeadHistory
from features.progress import Progress, silent
from features.sources.open_source import Source, display_name
from features.times import US_PER_DAY
from models.bundle.bundle import Bundle, read_bundle
from models.errors import BundleError
from models.home.home import Home
from models.home.latest_monitor import write_latest
from training.config import TrainingConfig
from training.evaluation.fairness import Compared, Fairness, compare_groups
from training.evaluation.held_out import HeldOutComparison, compare_held_out
from training.metrics.bootstrap import Bootstrap
from training.monitoring.cohorts import find_cohorts
from training.monitoring.complete import complete_figures
from training.monitoring.delays import ReportingDelay, reporting_delays
from training.monitoring.evidence import Seen, evidence_of
from training.monitoring.follow_up import FollowUp, follow_up
from training.monitoring.given_scores import given_scores
from training.monitoring.inputs.inputs import find_inputs
from training.monitoring.inputs.stability import stability_of
from training.monitoring.movement import find_movement
from training.monitoring.previous import previous_champion
from training.monitoring.recomputed import attribute_types_of
from training.monitoring.result import MonitorResult
from training.monitoring.score_rows import AUDIT_TABLE, ScoresError, read_scores
from training.monitoring.verdict import reach_verdict


def monitor(
    source: Source,
    *,
    home: Path,
    scores: Sequence[str | Path] = (),
    as_of: int,
    config: TrainingConfig | None = None,
    progress: Progress = silent,
) -> MonitorResult:
    """Compares past scores with what followed, and says what to do; keeps the result in the home.

    Args:
        source: a folder, a database URL, or tables in memory.
        home: holds the bundles of the versions, and the scores of the nights.
        scores: targets of `leadodds score`; else the tables of the database, and those of the home.
        as_of: the moment, microseconds UTC; nothing that became known later counts.
        config: limits and segments.
        progress: called with the name of a stage and the part of it that is done.

    Raises:
        HistoryError: something in the history stops everything.
        ScoresError: there are no scores to compare.
    """
    config = TrainingConfig() if config is None else config
    stored = Home(home)
    champion = stored.champion()
    bundles = _usable_bundles(stored)
    reading = bundles.get(champion or "")
    checked = read_history(
        source,
        now=as_of,
        attribute_types=None if reading is None else attribute_types_of(reading),
        settings=None if reading is None else reading.card.settings,
        progress=progress,
    )
    since = as_of - int(config.monitor.lookback_days * US_PER_DAY)
    progress("scores", 0.0)
    tables = _read_targets(source, stored, scores, since=since)
    audit = _read_audit(source, since=since)
    progress("scores", 1.0)
    result = compare(
        checked,
        tables,
        bundles,
        audit=audit,
        champion=champion,
        previous=previous_champion(stored, bundles),
        as_of=as_of,
        config=config,
        name=display_name(source),
        progress=progress,
    )
    write_latest(stored, result.stored())
    return result


def compare(
    checked: CheckedHistory,
    tables: Sequence[pa.Table],
    bundles: Mapping[str, Bundle],
    *,
    audit: pa.Table | None = None,
    champion: str | None,
    previous: str | None = None,
    as_of: int,
    config: TrainingConfig | None = None,
    name: str = "",
    progress: Progress = silent,
) -> MonitorResult:
    """Compares scores with what followed, as known at a moment.

    Args:
        checked: the history, which may know more, and what was found in it.
        tables: scores of the nights, of `read_scores`.
        bundles: by version, those that are there.
        audit: single scores.
        champion: version that answers.
        previous: version that answered before.
        as_of: the moment, microseconds UTC.
        config: limits and segments.
        name: of the history.
        progress: called with the name of a stage and the part of it that is done.

    Raises:
        ScoresError: none of the scores has a probability.
    """
    config = TrainingConfig() if config is None else config
    progress("compare", 0.0)
    history = known_at(checked.history, as_of)
    until = history.observed_until
    given, left_out = given_scores(tables, history, bundles, until=until)
    delay = reporting_delays(history, observed_until=until)
    followed = follow_up(given, history, delay, until=until)
    movement = find_movement(followed, history, bundles, config=config)
    progress("compare", 0.5)
    answering = bundles.get(champion or "")
    inputs = find_inputs(
        history,
        bundle=answering,
        stability=() if movement is None else stability_of(movement, bundles[movement.version]),
        problems=checked.problems,
    )
    complete = complete_figures(followed, history, config=config)
    seen = Seen(followed, history, inputs, complete, delay, answering, bundles.get(previous or ""))
    verdict = reach_verdict([*evidence_of(seen, as_of=as_of, until=until, config=config)])
    single = _follow_audit(audit, history, bundles, delay, until=until)
    over = followed.take(followed.is_complete)
    bootstrap = Bootstrap(config.seed, config.bootstrap_replicates)
    progress("compare", 1.0)
    return MonitorResult(
        history=name,
        as_of=as_of,
        observed_until=until,
        horizon_days=given.horizon_days,
        champion=champion,
        scores=len(followed.expected),
        left_out=left_out,
        had_converted=followed.had_converted,
        delay=delay,
        cohorts=find_cohorts(followed, history, until=until, config=config, audit=single),
        verdict=verdict,
        complete=complete,
        movement=movement,
        inputs=inputs,
        notes=_notes(followed, bundles),
        fairness=_fairness(over, history, config.fairness_attributes, bootstrap),
        held_out=_held_out(over, bootstrap),
    )


def _usable_bundles(home: Home) -> dict[str, Bundle]:
    """Reads the bundles of all versions; one that is damaged counts as one that is gone."""
    bundles: dict[str, Bundle] = {}
    for version in home.versions():
        with suppress(BundleError):
            bundles[version] = read_bundle(home.bundle_folder(version))
    return bundles


def _held_out(complete: FollowUp, bootstrap: Bootstrap) -> HeldOutComparison | None:
    """Compares held-out leads with the others, over scores whose horizon is over."""
    return compare_held_out(
        complete.scores.held_out,
        complete.scores.probability,
        complete.observed,
        complete.cluster,
        bootstrap=bootstrap,
    )


def _fairness(
    complete: FollowUp, history: LeadHistory, attributes: Sequence[str], bootstrap: Bootstrap
) -> Fairness:
    """Compares the configured groups over scores whose horizon is over; none before there are any."""
    if not attributes or not len(complete.expected):
        return {}
    scores = complete.scores
    compared = Compared(
        Examples(scores.lead, scores.as_of),
        scores.probability,
        complete.observed == 1,
        complete.cluster,
        scores.band == 0,
    )
    return compare_groups(history, compared, attributes, bootstrap)


def _read_targets(source: Source, home: Home, scores: Sequence[str | Path], *, since: int) -> list[pa.Table]:
    """Reads the named targets, else every night's scores that are there."""
    if scores:
        return [read_scores(target, since=since) for target in scores]
    folder = home.score_history
    targets: list[str | Path] = [folder] if any(folder.glob("*.parquet")) else []
    if isinstance(source, str) and "://" in source:
        targets.append(source)
    if not targets:
        raise ScoresError(folder, fault="holds no scores of past nights")
    return [read_scores(target, since=since) for target in targets]


def _read_audit(source: Source, *, since: int) -> pa.Table | None:
    """Reads the single scores that the service gave, where the history is its database."""
    if not (isinstance(source, str) and "://" in source):
        return None
    try:
        return read_scores(source, since=since, tables=(AUDIT_TABLE,))
    except ScoresError:
        return None


def _follow_audit(
    table: pa.Table | None,
    history: LeadHistory,
    bundles: Mapping[str, Bundle],
    delay: ReportingDelay,
    *,
    until: int,
) -> FollowUp | None:
    if table is None or not pc.any(pc.is_valid(table["probability"])).as_py():
        return None
    given, _ = given_scores([table], history, bundles, until=until)
    return follow_up(given, history, delay, until=until)


def _notes(followed: FollowUp, bundles: Mapping[str, Bundle]) -> tuple[str, ...]:
    """Says of which versions the bundle is gone."""
    gone = [version for version in followed.scores.versions if version not in bundles]
    if not gone:
        return ()
    return (
        f"The bundle of version {', '.join(gone)} is not in this home, or is damaged: its scores count by "
        "the curve that they state, without points and inputs; those without a curve are left out.",
    )
