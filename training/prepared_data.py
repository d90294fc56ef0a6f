"""From a source to what is fitted on: a history that passed the data gate, as examples with features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from features.catalog.spec import Feature
from features.engine.engine import compute_here
from features.engine.matrix import Compute
from features.findings.problems import Problem
from features.history.lead_history import LeadHistory
from features.progress import Progress, silent
from features.sources.open_source import Source
from training.backtesting.champion import OF_HISTORY, Champion
from training.config import TrainingConfig
from training.data_checks.data_gate import pass_gate, require_testability
from training.evaluation.fairness import require_attributes
from training.examples.dataset import (
    Dataset,
    build_dataset,
    draw_alike,
    read_for_training,
    with_features,
)


@dataclass(frozen=True, slots=True)
class PreparedData:
    """A history that passed the data gate, as examples with features and labels.

    Attributes:
        dataset: what every fit reads.
        problems: found in the history; none of them stops.
        digests: of the history's tables.
        of_champion: the examples of the champion's configuration; the same where it draws the same ones.
        read_counted: reads the history with machine-made rows; None where none were left out.
    """

    dataset: Dataset
    problems: tuple[Problem, ...]
    digests: Mapping[str, str]
    of_champion: Dataset
    read_counted: Callable[[], LeadHistory] | None = None


def prepare_data(
    source: Source,
    *,
    config: TrainingConfig,
    observed_until: int | None = None,
    now: int | None = None,
    champion: Champion | None = None,
    added: Sequence[Feature] = (),
    compute: Compute = compute_here,
    progress: Progress = silent,
) -> PreparedData:
    """Reads a history, draws the examples, computes their features and passes the data gate.

    Args:
        source: a folder, a database URL, or tables in memory.
        config: everything that can be set.
        observed_until: last instant for which outcomes are complete, microseconds UTC.
        now: microseconds UTC; rows known after it do not move `observed_until`. None: no such bound.
        champion: what is compared with, if there is one.
        added: features that every feature set gets; those without them become the reference.
        compute: what computes the features of the examples.
        progress: called as the stages advance.

    Raises:
        FairnessError: groups are to be compared of an attribute that the history does not have.
        FeatureDeclarationError: an added feature is in the catalogue.
        HistoryError: something in the history stops training.
        MonotonicError: the configuration holds a feature to a direction that is not there, or a category.
    """
    checked = read_for_training(
        source, config=config, observed_until=observed_until, now=now, progress=progress
    )
    require_testability(checked.history, source=source, config=config)
    require_attributes(checked.history, config.fairness_attributes)
    dataset = build_dataset(
        checked.history,
        config=config,
        declared=None if champion is None else champion.declared,
        compared_from=None if champion is None else champion.bundle.card.observed_until,
        compute=compute,
        progress=progress,
    )
    if added:
        dataset = with_features(dataset, added)
    dataset, problems = pass_gate(dataset, checked, source=source, config=config)
    of_champion = dataset
    if champion is not None and not champion.has_examples_of(config):
        history = checked.history
        if any(getattr(champion.config, key) != getattr(config, key) for key in OF_HISTORY):
            history = read_for_training(
                source, config=champion.config, observed_until=history.observed_until, progress=progress
            ).history
        of_champion = draw_alike(
            dataset, history, config=champion.config, catalogue=champion.catalogue, compute=compute
        )
    read_counted = None
    if any(problem.code == "D088" for problem in problems):
        read_counted = partial(
            _read_counted, source, config=config, observed_until=checked.history.observed_until
        )
    return PreparedData(dataset, problems, checked.digests, of_champion, read_counted)


def _read_counted(source: Source, *, config: TrainingConfig, observed_until: int) -> LeadHistory:
    """Reads the history again, with the rows that a machine made."""
    counting = config.model_copy(update={"count_machine_made": True})
    return read_for_training(source, config=counting, observed_until=observed_until, progress=silent).history
