"""The public functions, one call into a room each; the commands of the same names call the same ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from features.errors import LeadOddsError
from features.progress import Progress, silent
from features.sources.memory_tables import MemoryTables
from features.sources.open_source import Source
from leadodds_python.arguments import Moment, home_folder, now, read_config, read_moment
from leadodds_python.history import History, HistoryLike, source_of, until_of

# Rooms are imported by the functions that need them: a check must not pay for MLflow.
if TYPE_CHECKING:
    import pandas as pd

    from features.engine.matrix import Compute
    from features.findings.report import CheckReport
    from features.imports.import_report import ImportReport
    from leadodds_python.model import Model
    from serving.scoring.reasons import ReasonCount
    from training.config import TrainingConfig
    from training.monitoring.result import MonitorResult
    from training.results import BacktestOutcome, TrainingOutcome
    from training.simulator.summary import SimulationSummary


class SparkSourceError(LeadOddsError):
    """Tables in memory, where Spark has to read the history itself."""

    def __init__(self) -> None:
        super().__init__(
            "Spark cannot read tables in memory. Write them to a folder as Parquet, or leave out the engine."
        )


def simulate(
    out: str | Path,
    *,
    leads: int = 20_000,
    seed: int = 7,
    until: Moment | None = None,
    progress: Progress = silent,
) -> SimulationSummary:
    """Makes up a company with known true odds: OUT/history and OUT/truth.parquet.

    Args:
        out: the folder to make.
        leads: how many.
        seed: the same seed makes the same company.
        until: its last instant; by default 2026-05-04T00:00:00Z. All times are moved to it.
        progress: called with the name of a stage and the part of it that is done.

    Raises:
        LeadOddsError: a number is too small, or the folder cannot be written.
    """
    from training.simulator.simulate import simulate_company

    end = read_moment(until, item="until")
    return simulate_company(Path(out), leads_count=leads, seed=seed, until=end, progress=progress)


def read_history(
    source: HistoryLike, *, observed_until: Moment | None = None, progress: Progress = silent
) -> History:
    """Reads a history and checks that leads of it can be scored.

    Args:
        source: a folder, a database URL, or DataFrames by name: leads, interactions, outcomes and, if there
            are any, attribute_changes.
        observed_until: last instant for which outcomes are complete; by default where the rows of the
            tables end as a mass, at most now.
        progress: called with the name of a stage and the part of it that is done.

    Raises:
        HistoryError: something stops everything; the text is the numbered list.
        FramesError: a mapping that holds something else than the tables of a history.
    """
    from features.checks.checked_history import read_history as read

    read_from, until = source_of(source), until_of(source, observed_until)
    return History(read_from, until, read(read_from, observed_until=until, now=now(), progress=progress))


def import_history(
    source: str | Path,
    out: str | Path,
    *,
    map: str | Path,  # noqa: A002
    append: bool = False,
    replace: bool = False,
    exported_at: Moment | None = None,
    zone: str | None = None,
    progress: Progress = silent,
) -> ImportReport:
    """Makes a history of a CRM's export or landed tables.

    Args:
        source: a folder, a file, or a database URL.
        out: the folder of the history; written as a whole or not at all.
        map: a TOML file that says which columns mean what, or the name of a shipped one.
        append: whether the export is added to the history that is there, if one is.
        replace: whether a history that is there is written anew.
        exported_at: when the source was exported; unless given as the map says, else now.
        zone: zone of times that carry none, such as Europe/Lisbon; unless given as the map says.
        progress: called with the name of a stage and the part of it that is done.

    Returns:
        What was read, what was left out and why; print it for a summary.

    Raises:
        LeadOddsError: the map cannot be used, or the source does not fit it.
    """
    from features.imports.run import import_history as run

    return run(
        source,
        Path(out),
        map_name=str(map),
        now=now(),
        exported_at=read_moment(exported_at, item="exported_at"),
        zone=zone,
        append=append,
        replace=replace,
        progress=progress,
    )


def check(
    history: HistoryLike,
    *,
    config: TrainingConfig | Mapping[str, Any] | str | Path | None = None,
    observed_until: Moment | None = None,
    progress: Progress = silent,
) -> CheckReport:
    """Finds everything that is wrong with a history; print it for the numbered list.

    Args:
        history: a folder, a database URL, DataFrames by name, or what `read_history` gave.
        config: of the training that is asked about: keys that differ from the defaults, a TOML file of them,
            or a `TrainingConfig`.
        observed_until: last instant for which outcomes are complete.
        progress: called with the name of a stage and the part of it that is done.

    Returns:
        `can_score`, `can_train`, and `problems` with code, table, column, count, ids, sentence and remedy.

    Raises:
        ConfigError: the configuration cannot be used.
    """
    from training.data_checks.trainability import check_for_training

    until = until_of(history, observed_until)
    return check_for_training(
        source_of(history),
        config=read_config(config, quick=False),
        observed_until=until,
        now=now(),
        progress=progress,
    )


def features(
    history: HistoryLike,
    *,
    as_of: Moment | None = None,
    model: Model | str | int | Path | None = None,
    home: str | Path | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Computes the features of every lead as known at a moment.

    Args:
        history: a folder, a database URL, DataFrames by name, or what `read_history` gave.
        as_of: the moment; now unless given.
        model: computes the features that this version declares; without it those of the default catalogue.
        home: the folder that holds all state; LEADODDS_HOME, or `models/store`, unless given.
        workers: processes; one for each core unless given.
        progress: called with the name of a stage and the part of it that is done.

    Returns:
        One row for each lead created at or before `as_of`, sorted by `lead_id`: `lead_id`, `as_of` and a
        column for each feature, missing where the feature has no value.

    Raises:
        LeadOddsError: a history that stops, or a version that is not there.
    """
    from leadodds_python.model import feature_rows

    bundle = None if model is None else load_model(model, home=home).bundle
    return feature_rows(history, as_of=as_of, bundle=bundle, workers=workers, progress=progress)


def train(
    history: HistoryLike,
    *,
    config: TrainingConfig | Mapping[str, Any] | str | Path | None = None,
    quick: bool = False,
    full: bool = False,
    observed_until: Moment | None = None,
    promote: bool = False,
    resume: bool = False,
    home: str | Path | None = None,
    engine: Literal["local", "spark"] = "local",
    progress: Progress = silent,
) -> TrainingOutcome:
    """Fits a model, judges it on later leads, and registers it as a version.

    Args:
        history: a folder, a database URL, DataFrames by name, or what `read_history` gave.
        config: keys that differ from the defaults, a TOML file of them, or a `TrainingConfig`.
        quick: two origins, no search, no baselines: to see that all runs.
        full: baselines at every origin, and a search even where the champion has settings.
        observed_until: last instant for which outcomes are complete.
        promote: makes the version the champion if the gate allows it; `refused` tells whether it did not.
        resume: takes the finished fits of the same training that was killed.
        home: the folder that holds all state; LEADODDS_HOME, or `models/store`, unless given.
        engine: where the features of the examples are computed.
        progress: called with the name of a stage and the part of it that is done.

    Returns:
        The version, its bundle's folder, the gate's verdict and all figures; print it for a summary.

    Raises:
        HistoryError: something in the history stops training; the text is the numbered list.
        ConfigError: the configuration cannot be used.
    """
    from training.backtesting.parallel import warm_workers

    source, settings = source_of(history), read_config(config, quick=quick, full=full)
    compute = _compute_on(engine, source)
    # The processes load what they need while this one loads MLflow.
    with warm_workers(workers=settings.workers):
        from training.train import train as run

        return run(
            source,
            home=home_folder(home),
            config=settings,
            observed_until=until_of(history, observed_until),
            now=now(),
            promote=promote,
            resume=resume,
            compute=compute,
            progress=progress,
        )


def backtest(
    history: HistoryLike,
    *,
    config: TrainingConfig | Mapping[str, Any] | str | Path | None = None,
    quick: bool = False,
    full: bool = False,
    observed_until: Moment | None = None,
    home: str | Path | None = None,
    progress: Progress = silent,
) -> BacktestOutcome:
    """Judges what would have been trained at moments of the past, and registers nothing.

    The run with its figures is kept in MLflow.

    Args:
        history: a folder, a database URL, DataFrames by name, or what `read_history` gave.
        config: keys that differ from the defaults, a TOML file of them, or a `TrainingConfig`.
        quick: two origins, no search, no baselines: to see that all runs.
        full: baselines at every origin, and a search even where the champion has settings.
        observed_until: last instant for which outcomes are complete.
        home: the folder that holds all state; LEADODDS_HOME, or `models/store`, unless given.
        progress: called with the name of a stage and the part of it that is done.

    Raises:
        As `train`.
    """
    from training.backtest import backtest as run

    return run(
        source_of(history),
        home=home_folder(home),
        config=read_config(config, quick=quick, full=full),
        observed_until=until_of(history, observed_until),
        now=now(),
        progress=progress,
    )


def score(
    history: HistoryLike,
    model: Model | str | int | Path | None = None,
    *,
    as_of: Moment | None = None,
    reasons: ReasonCount = 3,
    home: str | Path | None = None,
    workers: int | None = None,
    accept_missing: Collection[str] = (),
    progress: Progress = silent,
) -> pd.DataFrame:
    """Scores every lead that exists at a moment, with reasons.

    Args:
        history: a folder, a database URL, DataFrames by name, or what `read_history` gave.
        model: a version, a bundle's folder, or what `load_model` gave; the champion unless given.
        as_of: the moment of the prediction; now unless given.
        reasons: how many for each lead, or "all".
        home: the folder that holds all state; LEADODDS_HOME, or `models/store`, unless given.
        workers: processes; one for each core unless given.
        accept_missing: inputs of the model, as `column` or `table.column`, that the history may lack.
        progress: called with the name of a stage and the part of it that is done.

    Returns:
        One row for each lead created at or before `as_of`, sorted by `lead_id`, with the columns of a score.
        `reasons` and `curve` hold a list of dicts each. Why leads failed is in `attrs["failures"]`, by id.
        Which inputs of the model the history lacks is in `attrs["inputs"]`, and a `MissingInputWarning` each;
        which rows were left out is in `attrs["left_out"]`.

    Raises:
        LeadOddsError: a history that stops, or a version that is not there.
    """
    loaded = load_model(model, home=home)
    return loaded.score(
        history,
        as_of=as_of,
        reasons=reasons,
        workers=workers,
        accept_missing=accept_missing,
        progress=progress,
    )


def monitor(
    history: HistoryLike,
    *,
    scores: str | Path | Sequence[str | Path] = (),
    as_of: Moment | None = None,
    config: TrainingConfig | Mapping[str, Any] | str | Path | None = None,
    home: str | Path | None = None,
    report: str | Path | None = None,
    progress: Progress = silent,
) -> MonitorResult:
    """Compares past scores with what followed, and says what to do.

    The result is also kept in the home, as `monitor/latest.json`, which the server shows.

    Args:
        history: a folder, a database URL, DataFrames by name, or what `read_history` gave.
        scores: what `score` or `leadodds score` wrote: files, folders of parts, database URLs; unless given
            the scores of past nights in the home and in the database.
        as_of: nothing that became known later counts; now unless given.
        config: keys that differ from the defaults, a TOML file of them, or a `TrainingConfig`; its table
            `monitor` holds the limits.
        home: the folder that holds all state; LEADODDS_HOME, or `models/store`, unless given.
        report: an HTML page to write.
        progress: called with the name of a stage and the part of it that is done.

    Returns:
        The verdict, expected and observed by group, and what moved; print it for a summary.

    Raises:
        HistoryError: something in the history stops everything; the text is the numbered list.
        LeadOddsError: there are no scores to compare, or the configuration cannot be used.
    """
    from training.monitoring.monitor import monitor as run

    moment = read_moment(as_of, item="as_of")
    result = run(
        source_of(history),
        home=home_folder(home),
        scores=[scores] if isinstance(scores, str | Path) else scores,
        as_of=now() if moment is None else moment,
        config=read_config(config, quick=False),
        progress=progress,
    )
    if report is not None:
        from models.bundle.files import replace_text
        from training.report.monitor_page import render_monitor

        replace_text(Path(report), render_monitor(result))
    return result


def load_model(model: Model | str | int | Path | None = None, *, home: str | Path | None = None) -> Model:
    """Loads a version, after its files were checked; nothing in them can run code.

    Args:
        model: a version, or a bundle's folder; the champion unless given.
        home: the folder that holds all state; LEADODDS_HOME, or `models/store`, unless given.

    Raises:
        NoChampionError: no version is named, and none is the champion.
        UnknownVersionError: it is neither a version of the home nor a folder.
        BundleError: the bundle was changed, or is of another format.
    """
    from leadodds_python.model import Model
    from models.home.home import resolve_model

    if isinstance(model, Model):
        return model
    return Model.from_folder(resolve_model(home_folder(home), None if model is None else str(model)))


def _compute_on(engine: Literal["local", "spark"], source: Source) -> Compute:
    """Finds what computes the features of the examples."""
    from features.engine.engine import compute_here

    if engine == "local":
        return compute_here
    from features.spark.examples import features_of_examples

    if isinstance(source, MemoryTables):
        raise SparkSourceError
    return features_of_examples(str(source))
