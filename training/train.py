"""A whole training: history in, an evaluated and registered version out, promoted if the gate allows."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Final

from features.engine.engine import compute_here
from features.engine.matrix import Compute
from features.progress import Progress, silent
from features.sources.open_source import Source
from models.registry.registry import Registry, open_registry
from models.registry.runs import flatten
from training.backtesting.champion import Champion, read_champion
from training.backtesting.checkpoint import checkpointed, training_key
from training.backtesting.parallel import compute_in_workers, warm_workers
from training.bundling.build import make_bundle
from training.config import TrainingConfig
from training.pipeline import run_training
from training.prepared_data import prepare_data
from training.report.write import PAGE, start_report
from training.results import TrainingOutcome
from training.tracking import log_evaluation, log_verdict, run_tags, source_of_run

_US_PER_MS: Final = 1_000
_PARAMETERS: Final = ("config", "horizon_days", "history_from", "observed_until", "feature_set", "trained_on")


def train(
    source: Source,
    *,
    home: Path,
    config: TrainingConfig,
    observed_until: int | None = None,
    now: int | None = None,
    promote: bool = False,
    reason: str = "",
    resume: bool = False,
    compute: Compute = compute_here,
    progress: Progress = silent,
) -> TrainingOutcome:
    """Fits, evaluates on later leads, registers, and promotes if that is wanted and the gate allows it.

    The run is opened first: whatever stops the training is its reason, and a server that does not answer is
    known before an hour is spent.

    Args:
        source: a folder, a database URL, or tables in memory.
        home: the folder that holds all state.
        config: everything that can be set.
        observed_until: last instant for which outcomes are complete, microseconds UTC.
        now: microseconds UTC; rows known after it do not move `observed_until`. None: no such bound.
        promote: whether the version is to become the champion.
        reason: a sentence for the log of decisions, where it is promoted.
        resume: takes the finished fits of the same training that was killed.
        compute: what computes the features of the examples.
        progress: called as the stages advance.

    Raises:
        BundleError: the champion's bundle is faulty.
        ChampionConfigError: the champion's configuration cannot be read.
        HistoryError: something in the history stops training.
        NothingToEvaluateError: no test example, or only one outcome among them.
        RegistryError: the database or server cannot be used.
    """
    if compute is compute_here:
        compute = partial(compute_in_workers, workers=config.workers)
    registry = open_registry(home)
    with registry.run("train", tags=run_tags(config)) as run:
        champion = _champion(registry, config=config)
        with warm_workers(workers=config.workers):
            data = prepare_data(
                source,
                config=config,
                observed_until=observed_until,
                now=now,
                champion=champion,
                compute=compute,
                progress=progress,
            )
        key = training_key(
            digests=data.digests,
            config=config,
            observed_until=data.dataset.history.observed_until,
            champion=None if champion is None else champion.version,
        )
        with checkpointed(home, key, resume=resume):
            model = run_training(data, config=config, champion=champion, compute=compute, progress=progress)
        bundle = make_bundle(
            model, config=config, run_id=run.run_id, created_at=run.started_at_ms * _US_PER_MS
        )
        # Its plots are drawn while the figures are logged.
        report = start_report(model, bundle, workers=config.workers, progress=progress)
        card = bundle.card.to_json()
        params = flatten({name: card[name] for name in _PARAMETERS})
        run.log_params(params)
        history = data.dataset.history
        tested = log_evaluation(
            run,
            model.evaluation,
            model.predictions,
            history=history,
            source=source_of_run(source, history, data.digests, config=config),
            feature_set=data.dataset.feature_sets[-1],
        )
        with tempfile.TemporaryDirectory() as folder:
            report.write(Path(folder))
            run.log_files(Path(folder))
        log_verdict(run, model.verdict)
        version = registry.register(run, bundle, params=params, dataset=tested)
    if promote and model.verdict.may_win:
        registry.promote(version, reason=f"{reason or 'Trained'}. {model.verdict.sentence}")
    if promote:
        decision = "promoted" if model.verdict.may_win else "refused"
        run.set_tags({"leadodds.decision": decision, "leadodds.decision_reason": model.verdict.sentence})
    progress("registered", 1.0)
    return TrainingOutcome(
        model_version=version,
        run_id=run.run_id,
        bundle=registry.home.bundle_folder(version).absolute(),
        horizon_days=data.dataset.horizon_days,
        is_promoted=promote and model.verdict.may_win,
        refused=promote and not model.verdict.may_win,
        verdict=model.verdict,
        evaluation=model.evaluation,
        notes=data.dataset.notes,
        report=run.path_of(PAGE),
    )


def _champion(registry: Registry, *, config: TrainingConfig) -> Champion | None:
    """Reads the champion, named by the registry's alias, or by the pointer of a home that was copied."""
    version = registry.install_champion() or registry.home.champion()
    if version is None:
        return None
    return read_champion(registry.home.stored_bundle(version), version, config=config)
