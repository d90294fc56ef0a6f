"""What leaving out machine-made interactions changes: the same fits, had such rows counted in the tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from features.engine.matrix import FeatureMatrix
from features.history.lead_history import Floats
from training.backtesting.predictions import BacktestPredictions
from training.metrics.bootstrap import Bootstrap, Estimate, mean_estimate
from training.metrics.formulas import log_losses


@dataclass(frozen=True, slots=True)
class MachineMadeEffect:
    """The test examples with and without machine-made rows.

    Attributes:
        changed: test examples that would have another count, time or share.
        log_loss: as evaluated, without such rows.
        counted: log loss of the same fits, had they counted.
        difference: of these, mean over examples; above 0, counting them is worse.
    """

    changed: int
    log_loss: Estimate
    counted: Estimate
    difference: Estimate

    def to_json(self) -> dict[str, Any]:
        """Turns the effect into an object."""
        estimates = {"log_loss": self.log_loss, "counted": self.counted, "difference": self.difference}
        return {"changed": self.changed, **{name: each.to_json() for name, each in estimates.items()}}

    @property
    def sentence(self) -> str:
        """Says what the rows change."""
        by = self.difference
        return (
            f"Machine-made interactions are left out of features. Had they counted, {self.changed:,} of "
            f"{by.n:,} test examples would have other features, and the log loss of the same fits would be "
            f"{self.counted.value:.5f} instead of {self.log_loss.value:.5f} "
            f"(difference {by.value:+.5f} [{by.low:+.5f}, {by.high:+.5f}])."
        )


def machine_made_effect(
    predictions: BacktestPredictions,
    counted: Floats,
    matrices: tuple[FeatureMatrix, FeatureMatrix],
    bootstrap: Bootstrap,
) -> MachineMadeEffect:
    """Compares the predictions with those of the same fits on features that count machine-made rows.

    Args:
        predictions: as evaluated.
        counted: (n,) log-odds of the same fits, level shift included, had the rows counted.
        matrices: features of the test examples without the rows, and with them; those that are categories
            are not compared, because their codes differ.
        bootstrap: of the intervals.
    """
    without, with_them = matrices
    names = [name for name in with_them.names if name not in with_them.vocabularies and name in without.names]
    changed = np.zeros(len(counted), np.bool_)
    for name in names:
        one, other = without.column(name), with_them.column(name)
        changed |= ~((one == other) | (np.isnan(one) & np.isnan(other)))
    losses = log_losses(predictions.predicted, predictions.converted)
    others = log_losses(counted, predictions.converted)
    of = [mean_estimate(each, predictions.clusters, bootstrap) for each in (losses, others, others - losses)]
    return MachineMadeEffect(int(changed.sum()), *of)
