"""The data of a fit: its rows, and the codes of the features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.catalog.spec import FeatureSet
from features.engine.matrix import FeatureMatrix
from features.history.lead_history import Ints
from models.scorecard.bins import ByteCodes, FeatureBins, encode_feature
from training.config import TrainingConfig
from training.examples.labels import Labels
from training.fitting.boosting import fit_live_bins
from training.fitting.hazard_rows import HazardRows, choose_rows, training_examples


@dataclass(frozen=True, slots=True)
class FitData:
    """The data of a fit.

    Attributes:
        rows: (example, time bin) rows.
        examples: (n,) positions of those with at least one observed time bin, over which terms are centred.
        bins: of the features that are present in some row.
        codes: (examples, features); 0 of examples that are not among `examples`, which nothing reads.
        labels: of all examples.
        lead: (examples,) row of each example's lead.
        cluster: (examples,) account of each example's lead, or the lead where it has none: what shares its
            fate, and is drawn as a whole.
        feature_set: the features to choose from.
        time_edges_days: (K + 1,)
    """

    rows: HazardRows
    examples: Ints
    bins: tuple[FeatureBins, ...]
    codes: ByteCodes
    labels: Labels
    lead: Ints
    cluster: Ints
    feature_set: FeatureSet
    time_edges_days: tuple[float, ...]


def prepare(
    matrix: FeatureMatrix,
    feature_set: FeatureSet,
    labels: Labels,
    lead: Ints,
    *,
    time_edges_days: Sequence[float],
    config: TrainingConfig,
    cluster: Ints | None = None,
) -> FitData:
    """Chooses rows and bins.

    Only examples with an observed time bin have rows. With labels as known at an origin, examples after it
    have none, so one matrix of all examples serves every origin.

    Args:
        matrix: (features, examples).
        feature_set: the features to choose from, derived from what was known.
        labels: of the examples.
        lead: (examples,) row of each example's lead.
        time_edges_days: (K + 1,) as far as the labels reach.
        config: binning, thinning.
        cluster: (examples,) account or lead; None: the lead.
    """
    rows = choose_rows(labels, time_edges_days, config=config)
    examples = training_examples(labels, time_edges_days)
    bins = fit_live_bins(matrix, feature_set, rows, examples=examples, lead=lead, config=config)
    return FitData(
        rows=rows,
        examples=examples,
        bins=bins,
        codes=_codes_of(examples, bins, matrix),
        labels=labels,
        lead=lead,
        cluster=lead if cluster is None else cluster,
        feature_set=feature_set,
        time_edges_days=tuple(time_edges_days),
    )


def _codes_of(examples: Ints, bins: tuple[FeatureBins, ...], matrix: FeatureMatrix) -> ByteCodes:
    """(all examples, features) codes of some examples; half of all have no row at the first origin.

    By feature: the values of all features of these examples would be copied into memory that is new.
    """
    row_of = {name: row for row, name in enumerate(matrix.names)}
    by_feature = np.empty((len(bins), len(examples)), dtype=np.uint8)
    for each, codes in zip(bins, by_feature, strict=True):
        values = matrix.values[row_of[each.name]][examples]
        codes[:] = encode_feature(each, values, matrix.vocabularies.get(each.name, ()))
    whole = np.zeros((matrix.values.shape[1], len(bins)), dtype=np.uint8)
    whole[examples] = np.ascontiguousarray(by_feature.T)
    return whole
