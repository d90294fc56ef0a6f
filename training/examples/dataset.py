"""The examples of a training, drawn once, with labels and one matrix of features for every origin.

The features of an example do not depend on the origin, so they are computed once, for the union of the
catalogues that each origin derives from what was known then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from features.catalog.spec import Feature, FeatureSet, attributes_of
from features.catalog.validation import check_attributes
from features.checks.checked_history import CheckedHistory, read_history
from features.engine.engine import compute_features, compute_here
from features.engine.matrix import Compute, Examples, FeatureMatrix
from features.engine.plan import compile_plan
from features.history.lead_history import Floats, Ints, LeadHistory
from features.progress import Progress, silent
from features.sources.open_source import Source
from training.config import TrainingConfig
from training.examples.clusters import clusters_of
from training.examples.examples import ExampleSet, draw_examples
from training.examples.feature_sets import (
    catalogues_known_at,
    check_monotonic,
    default_catalogues_known_at,
    union_of,
)
from training.examples.labels import Labels, converted_within, label_examples
from training.examples.origins import (
    LATE_ORIGINS,
    Origin,
    choose_horizon,
    is_short_test,
    late_origins,
    rolling_origins,
    tested_days,
)
from training.examples.segment_features import declare_segments
from training.sampling import spread_draw

_TESTED: Final = 8  # stream of the seeded draw


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
        feature_sets: derived from what was known at each origin, then at `observed_until`.
        reference_feature_sets: the same before features were added; equal to `feature_sets` where none were.
        horizon_days: the main horizon.
        notes: sentences for people about what was chosen, and why.
        late_origins: moments after the champion's end, to compare it as it is stored.
        late_feature_sets: derived from what was known at each of them.
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
    late_origins: tuple[Origin, ...] = ()
    late_feature_sets: tuple[FeatureSet, ...] = ()

    @property
    def lead(self) -> Ints:
        """(n,) row of each example's lead."""
        return self.examples.examples.lead

    @property
    def as_of(self) -> Ints:
        """(n,) moment of each example."""
        return self.examples.examples.as_of

    def examples_at(self, positions: Ints) -> Examples:
        """Takes the examples at some positions."""
        return Examples(self.lead[positions], self.as_of[positions])

    @property
    def clusters(self) -> Ints:
        """(n,) what each example shares its fate with; see `clusters_of`."""
        return clusters_of(self.history)[self.lead]

    def tests_of(self, origin: Origin, *, config: TrainingConfig) -> Ints:
        """Chooses the positions of the test examples of an origin: in its window, with a final label.

        Where there are more than max_judged_examples, each has the same chance to be kept, and those kept are
        spread evenly over leads and moments. A bound on the examples of each lead would over-represent
        conversions, because a lead that converts has fewer examples.

        Args:
            origin: with its test window.
            config: seed, max_judged_examples.
        """
        tests = np.flatnonzero(origin.is_test(self.as_of) & ~np.isnan(self.outcome))
        rng = np.random.default_rng([config.seed, _TESTED])
        kept, _ = spread_draw(len(tests), min(len(tests), config.max_judged_examples), rng=rng)
        return tests[kept]


def read_for_training(
    source: Source,
    *,
    config: TrainingConfig,
    observed_until: int | None,
    progress: Progress,
    now: int | None = None,
) -> CheckedHistory:
    """Reads and checks a history for training.

    Args:
        source: a folder, a database URL, or tables in memory.
        config: types of attributes, main horizon.
        observed_until: last instant for which outcomes are complete, microseconds UTC.
        progress: called as the reading advances.
        now: microseconds UTC; rows known after it do not move `observed_until`. None: no such bound.

    Raises:
        HistoryError: something in the history stops training.
    """
    checked = read_history(
        source,
        observed_until=observed_until,
        now=now,
        attribute_types=config.attribute_types,
        machine_rules=config.machine_rules,
        for_training=True,
        horizon_days=config.horizon_days,
        accepted_codes=config.accepted_codes,
        progress=progress,
    )
    if not config.protected_attributes:
        return checked
    settings = checked.history.settings.with_protected(config.protected_attributes)
    return replace(checked, history=replace(checked.history, settings=settings))


def build_dataset(
    history: LeadHistory,
    *,
    config: TrainingConfig,
    declared: FeatureSet | None = None,
    compared_from: int | None = None,
    compute: Compute = compute_here,
    progress: Progress = silent,
) -> Dataset:
    """Places the origins, draws the examples and computes their features.

    Args:
        history: checked.
        config: everything that can be set.
        declared: the configured catalogue, where it was read before; else its file is read.
        compared_from: microseconds UTC, the champion's end, after which it can be compared as it is stored;
            None without a champion.
        compute: what computes the features of the examples.
        progress: called before and after the features.

    Raises:
        FeatureDeclarationError: the catalogue uses an attribute that the history keeps from models.
        HorizonNotSupportedError: the history supports no horizon at any moment of the past.
        MonotonicError: the configuration holds a feature to a direction that is not there, or a category.
        SegmentError: a segment is configured that the history does not have.
    """
    # What is configured wrongly ends a training before its first fit.
    declare_segments(history, config=config)
    horizon_days, shortened = choose_horizon(history, config=config)
    origins = rolling_origins(history, config=config, horizon_days=horizon_days)
    late: tuple[Origin, ...] = ()
    if compared_from is not None and sum(origin.at >= compared_from for origin in origins) < LATE_ORIGINS:
        late = late_origins(history, after=compared_from, config=config, horizon_days=horizon_days)
    examples = draw_examples(history, config=config)
    labels = label_examples(history, examples.examples, observed_until=history.observed_until)
    progress("features", 0.0)
    moments = sorted({*(origin.at for origin in (*origins, *late)), history.observed_until})
    by_moment = dict(
        zip(moments, catalogues_known_at(history, moments, declared, config=config), strict=True)
    )
    union = union_of(by_moment.values())
    check_monotonic(config.monotonic, union)
    matrix = compute(union, history, examples.examples)
    progress("features", 1.0)
    too_late = int(labels.had_converted.sum())
    late_note = (
        f"{too_late} examples came after a conversion that was not yet known; they neither teach nor judge."
    )
    short_note = (
        f"All tests lie within {tested_days(origins):.0f} days: how the level moves from month to month "
        "cannot be foretold from so short a history, and every plausible range is wider for it."
    )
    feature_sets = tuple(by_moment[at] for at in (*(origin.at for origin in origins), history.observed_until))
    return Dataset(
        history=history,
        examples=examples,
        labels=labels,
        outcome=converted_within(labels, horizon_days),
        matrix=matrix,
        origins=origins,
        feature_sets=feature_sets,
        reference_feature_sets=feature_sets,
        horizon_days=horizon_days,
        notes=tuple(
            note
            for note in (
                shortened,
                late_note if too_late else None,
                short_note if is_short_test(origins) else None,
            )
            if note
        ),
        late_origins=late,
        late_feature_sets=tuple(by_moment[origin.at] for origin in late),
    )


def draw_alike(
    dataset: Dataset,
    history: LeadHistory,
    *,
    config: TrainingConfig,
    catalogue: FeatureSet | None,
    compute: Compute = compute_here,
) -> Dataset:
    """Draws the examples of another configuration, to be fitted at the origins of a dataset.

    Args:
        dataset: its origins and main horizon count.
        history: the same leads, read with the attribute types of the other configuration.
        config: the other one.
        catalogue: its features; None for the default catalogue.
        compute: what computes the features of the examples.
    """
    examples = draw_examples(history, config=config)
    labels = label_examples(history, examples.examples, observed_until=history.observed_until)
    moments = [*(origin.at for origin in dataset.origins), history.observed_until]
    feature_sets = (
        default_catalogues_known_at(history, moments) if catalogue is None else (catalogue,) * len(moments)
    )
    return replace(
        dataset,
        history=history,
        examples=examples,
        labels=labels,
        outcome=converted_within(labels, dataset.horizon_days),
        matrix=compute(union_of(feature_sets), history, examples.examples),
        feature_sets=feature_sets,
        reference_feature_sets=feature_sets,
        late_origins=(),
        late_feature_sets=(),
    )


def with_features(dataset: Dataset, added: Sequence[Feature]) -> Dataset:
    """Adds features to every feature set; those without them become the reference.

    Args:
        dataset: of a history.
        added: declarations of names that no feature set has.

    Raises:
        FeatureDeclarationError: a feature set has a feature of that name, or one is of an attribute that the
            history keeps from models.
    """
    check_attributes(attributes_of(added), dataset.history.settings)
    extended = tuple(FeatureSet((*feature_set.features, *added)) for feature_set in dataset.feature_sets)
    plan = compile_plan(FeatureSet(tuple(added)))
    more = compute_features(plan, dataset.history, dataset.examples.examples)
    names = union_of(extended).names
    columns = [(more if name in more.names else dataset.matrix).column(name) for name in names]
    vocabularies = {**dataset.matrix.vocabularies, **more.vocabularies}
    return replace(
        dataset,
        matrix=FeatureMatrix(names, np.stack(columns), vocabularies),
        feature_sets=extended,
        reference_feature_sets=dataset.feature_sets,
    )
