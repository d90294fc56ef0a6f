"""What a baseline is, and what it may use at an origin.

All are fitted at the same origins, with what was known then, and predict log-odds at the main horizon. Those
that cannot use young leads are fitted on mature examples only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from features.catalog.spec import FeatureSet
from features.engine.matrix import FeatureMatrix
from features.history.lead_history import Bools, Floats, Ints
from models.scorecard.bins import ByteCodes
from models.scorecard.scorecard import Scorecard
from training.config import TrainingConfig
from training.examples.dataset import Dataset
from training.examples.labels import Labels, converted_within
from training.fitting.fit_data import FitData
from training.sampling import spread_draw

_MATURE: Final = 7  # stream of the seeded draw
_MATURE_ROWS: Final = 25_000  # more examples are mostly of the same leads and add little


@dataclass(frozen=True, slots=True)
class BaselineInputs:
    """What was known at an origin, and the examples to predict.

    Attributes:
        matrix: (features, examples) of all examples.
        feature_set: derived from what was known then.
        labels: of all examples, as known then.
        test: (m,) positions of the examples to predict.
        tested: (features, m) of these examples alone.
        horizon_days: the main horizon.
        config: of the fits.
        fit_data: rows and bins that the scorecard was fitted on.
        scorecard: fitted on them, without a level shift.
        codes: (m, features) of the examples to predict, in the bins of the scorecard.
        settings: by name of a baseline, what it chose at an earlier origin; others choose anew.
    """

    matrix: FeatureMatrix
    feature_set: FeatureSet
    labels: Labels
    test: Ints
    tested: FeatureMatrix
    horizon_days: float
    config: TrainingConfig
    fit_data: FitData
    scorecard: Scorecard
    codes: ByteCodes
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def columns(self, examples: Ints) -> Floats:
        """(n, features) of the feature set, of some examples: all of them take seconds to copy."""
        row_of = {name: row for row, name in enumerate(self.matrix.names)}
        columns = np.empty((len(self.feature_set.names), len(examples)))
        for place, name in enumerate(self.feature_set.names):
            columns[place] = self.matrix.values[row_of[name]][examples]
        return columns.T


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A simpler or freer model that the scorecard is compared with.

    Attributes:
        name: in figures, card and report; it is stored, and never changes.
        label: for people.
        predict: (m,) log-odds of the test examples; None where all mature examples have one outcome. Runs in
            the worker process that fits the scorecard of the same origin.
        tune: what is chosen before the fit, of a baseline that chooses; None where nothing is to be fitted.
            Later origins take it.
        predict_from_history: the same from the dataset, the positions of the test examples, the origin in
            microseconds UTC, and the configuration: for a baseline that has features of its own.
        is_in_quick_trainings: whether it is fitted even in a training without baselines.
    """

    name: str
    label: str
    predict: Callable[[BaselineInputs], Floats | None] | None = None
    tune: Callable[[BaselineInputs], Mapping[str, Any] | None] | None = None
    predict_from_history: Callable[[Dataset, Ints, int, TrainingConfig], Floats] | None = None
    is_in_quick_trainings: bool = False


def mature_examples(labels: Labels, horizon_days: float, *, config: TrainingConfig) -> tuple[Ints, Floats]:
    """Chooses the examples that a baseline of mature examples is fitted on.

    Args:
        labels: as known at the origin.
        horizon_days: the main horizon.
        config: seed, max_rows.

    Returns:
        (n,) positions, spread evenly where there are too many, and (n,) 1 where converted.
    """
    outcome = converted_within(labels, horizon_days)
    mature = np.flatnonzero(~np.isnan(outcome))
    keep = min(len(mature), config.max_rows, _MATURE_ROWS)
    drawn, _ = spread_draw(len(mature), keep, rng=np.random.default_rng([config.seed, _MATURE]))
    return mature[drawn], outcome[mature[drawn]]


def are_informative(columns: Floats, examples: Ints) -> Bools:
    """Tells which features some example of a fit has, and not all with the same value.

    Nothing can be learnt from the others, and scikit-learn cannot bin a column without any value: such is a
    kind that began after the last example whose outcome is final.

    Args:
        columns: (n, features).
        examples: (m,) rows that are fitted on.

    Returns:
        (features,)

    >>> columns = np.array([[np.nan, 1.0, 2.0], [np.nan, 1.0, np.nan], [7.0, 3.0, 2.0]])
    >>> are_informative(columns, np.array([0, 1])).tolist()
    [False, False, True]
    """
    fitted = columns[examples]
    missing = np.isnan(fitted)
    differs = np.where(missing, fitted[:1], fitted) != fitted[:1]
    informative: Bools = (missing.any(axis=0) | differs.any(axis=0)) & ~missing.all(axis=0)
    return informative
