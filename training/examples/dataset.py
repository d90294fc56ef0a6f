"""What a training works on: the examples, drawn once, and one matrix of their features for every origin.

The features of an example do not depend on the origin, so they are computed once, for the union of the
catalogues that each origin could have derived from what was known then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import numpy as np

from features.catalog.default_catalog import default_catalogue, load_catalogue
from features.catalog.spec import Feature, FeatureSet
from features.checks.checked_history import CheckedHistory, read_history
from features.engine.engine import compute_here
from features.engine.matrix import Compute, Examples, FeatureMatrix
from features.errors import LeadOddsError
from features.history.known import known_at
from features.history.lead_history import Floats, Ints, LeadHistory
from features.progress import Progress, silent
from features.sources.open_source import Source
from training.config import TrainingConfig
from training.examples.examples import ExampleSet, draw_examples
from training.examples.labels import Labels, converted_within, label_examples
from training.examples.origins import Origin, choose_horizon, rolling_origins
from training.sampling import spread_draw

_JUDGED: Final = 8  # stream of the seeded draw


@dataclass(frozen=True, slots=True)
class Dataset:
    """What every fit of a training reads.

    Attributes:
        history: as read.
        examples: all that were drawn.
        labels: of all examples, as known at `observed_until`.
        outcome: (n,) 1 where converted within the main horizon, 0 where not, NaN while not final.
        matrix: (features, examples) of the union of the feature sets.
        origins: moments of the past to refit at.
        feature_sets: what could have been derived at each origin, then at `observed_until`.
        reference_feature_sets: the same of the configuration it is compared with; its own where there is
            none.
        horizon_days: the main horizon.
        notes: sentences for people about what was chosen, and why.
    """

    history: LeadHistory
    examples: ExampleSet
    labels: Labels
    outcome: Floats
    matrix: FeatureMatrix
    origins: tuple[Origin, ...]
    feature_sets: tuple[FeatureSet, ...]
    reference_feature_sets: tuple[FeatureSet, ...]
    horizon_days: float
    notes: tuple[str, ...]

    @property
    def lead(self) -> Ints:
        """(n,) row of each example's lead."""
        return self.examples.examples.lead

    @property
    def as_of(self) -> Ints:
        """(n,) moment of each example."""
        return self.examples.examples.as_of

    def examples_at(self, positions: Ints) -> Examples:
        """Gives the examples at some positions."""
        return Examples(self.lead[positions], self.as_of[positions])

    @property
    def clusters(self) -> Ints:
        """(n,) account of each example's lead, numbered after all accounts where it has none; else the lead.

        Examples of one unit share their fate, so that intervals are drawn over units.
        """
        account = self.history.account
        alone = account.max(initial=-1) + 1 + np.arange(len(account))
        return np.where(account >= 0, account, alone)[self.lead].astype(np.int64)

    def tests_of(self, origin: Origin, *, config: TrainingConfig) -> Ints:
        """Gives the positions of the examples an origin is judged on: in its window, their label final.

        Where there are more than are judged, each has the same chance to stay and they are spread evenly over
        leads and moments. A bound on the examples of each lead would not do: a lead that converts has fewer,
        so that conversions would be over-represented.

        Args:
            origin: with its test window.
            config: seed, max_judged_examples.
        """
        tests = np.flatnonzero(origin.is_test(self.as_of) & ~np.isnan(self.outcome))
        rng = np.random.default_rng([config.seed, _JUDGED])
        kept, _ = spread_draw(len(tests), min(len(tests), config.max_judged_examples), rng=rng)
        return tests[kept]


def read_for_training(
    source: Source, *, config: TrainingConfig, observed_until: int | None, progress: Progress
) -> CheckedHistory:
    """Reads a history that is to be trained on.

    Args:
        source: a folder, a database URL, or tables in memory.
        config: types of attributes, main horizon.
        observed_until: last instant for which outcomes are complete, microseconds UTC.
        progress: told how far the reading has come.

    Raises:
        HistoryError: something in the history stops training.
    """
    return read_history(
        source,
        observed_until=observed_until,
        attribute_types=config.attribute_types,
        for_training=True,
        horizon_days=config.horizon_days,
        accepted_codes=config.accepted_codes,
        progress=progress,
    )


def build_dataset(
    history: LeadHistory,
    *,
    config: TrainingConfig,
    rival: TrainingConfig | None = None,
    compute: Compute = compute_here,
    progress: Progress = silent,
) -> Dataset:
    """Lays the origins, draws the examples and computes their features.

    Args:
        history: checked.
        config: everything that can be set.
        rival: another configuration whose features are wanted as well.
        compute: what computes the features of the examples.
        progress: told when features are done.

    Raises:
        HorizonNotSupportedError: no moment of the past can be judged at any horizon; tells what is needed.
        MonotonicError: the configuration holds a feature to a direction that is not there, or a category.
    """
    horizon_days, shortened = choose_horizon(history, config=config)
    origins = rolling_origins(history, config=config, horizon_days=horizon_days)
    examples = draw_examples(history, config=config)
    labels = label_examples(history, examples.examples, observed_until=history.observed_until)
    progress("features", 0.0)
    moments = [*(origin.at for origin in origins), history.observed_until]
    feature_sets = tuple(_catalogue_at(history, moment, config=config) for moment in moments)
    rival_sets = feature_sets
    if rival is not None and rival.catalogue != config.catalogue:
        rival_sets = tuple(_catalogue_at(history, moment, config=rival) for moment in moments)
    union = union_of((*feature_sets, *rival_sets))
    check_monotonic(config.monotonic, union)
    matrix = compute(union, history, examples.examples)
    progress("features", 1.0)
    late = int(labels.had_converted.sum())
    told = f"{late} examples came after a conversion that was not yet known; they neither teach nor judge."
    return Dataset(
        history=history,
        examples=examples,
        labels=labels,
        outcome=converted_within(labels, horizon_days),
        matrix=matrix,
        origins=origins,
        feature_sets=feature_sets,
        reference_feature_sets=rival_sets,
        horizon_days=horizon_days,
        notes=tuple(note for note in (shortened, told if late else None) if note),
    )


def _catalogue_at(history: LeadHistory, moment: int, *, config: TrainingConfig) -> FeatureSet:
    """Takes the configured catalogue, or derives the default one from what was known."""
    if config.catalogue is not None:
        return load_catalogue(config.catalogue)
    return default_catalogue(known_at(history, moment))


def union_of(feature_sets: Iterable[FeatureSet]) -> FeatureSet:
    """Lists every feature once; a name is the same declaration wherever it was derived."""
    by_name: dict[str, Feature] = {}
    for feature_set in feature_sets:
        by_name |= {feature.name: feature for feature in feature_set.features}
    return FeatureSet(tuple(by_name.values()))


class MonotonicError(LeadOddsError):
    """A direction for a feature that is not there, or that has no order."""

    def __init__(self, name: str, *, fault: str, remedy: str) -> None:
        super().__init__(f"monotonic names {name}, which {fault}. {remedy}")


def check_monotonic(monotonic: Mapping[str, str], feature_set: FeatureSet) -> None:
    """Refuses directions that could not be held.

    Args:
        monotonic: direction by name of feature.
        feature_set: every feature that any origin may use.

    Raises:
        MonotonicError: a name is no feature, or a category.
    """
    types = {feature.name: feature.type for feature in feature_set.features}
    for name in monotonic:
        if name not in types:
            near = ", ".join(get_close_matches(name, types)) or "see leadodds features HISTORY"
            raise MonotonicError(name, fault="is no feature of this history", remedy=f"Near to it: {near}.")
        if types[name] == "category":
            raise MonotonicError(name, fault="is a category", remedy="Categories neither rise nor fall.")
