"""The rows (example, time bin) that a hazard is fitted on, thinned where there are more than needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from features.history.lead_history import Bools, Floats, Ints
from models.scorecard.hazards import softplus
from training.config import TrainingConfig
from training.examples.labels import Labels, bin_rows, edges_us
from training.sampling import spread_draw

# Streams of the seeded draws.
_NEGATIVES: Final = 4
_POSITIVES: Final = 5

# Positives are thinned as well where they are more than this part of the rows.
_MOST_POSITIVE: Final = 0.5


@dataclass(frozen=True, slots=True)
class HazardRows:
    """Rows (example, time bin) of a fit.

    Attributes:
        example: (rows,) position of the example.
        time_bin: (rows,) from 0.
        converted: (rows,) in this time bin.
        weight: (rows,) number of rows that each stands for.
    """

    example: Ints
    time_bin: Ints
    converted: Bools
    weight: Floats

    def take(self, chosen: Bools | Ints) -> HazardRows:
        """Takes some of the rows."""
        return HazardRows(
            self.example[chosen], self.time_bin[chosen], self.converted[chosen], self.weight[chosen]
        )

    def weighted(self, factor: Floats) -> HazardRows:
        """Multiplies the weights by a factor; rows with a factor of 0 are left out."""
        rows = self.take(factor > 0)
        return HazardRows(rows.example, rows.time_bin, rows.converted, rows.weight * factor[factor > 0])

    def clusters_converting(self, cluster: Ints) -> int:
        """Counts the different accounts or leads that convert in these rows, from those of each example."""
        return len(np.unique(cluster[self.example[self.converted]]))

    def losses(self, logits: Floats) -> Floats:
        """(rows,) weighted log losses of logit hazards."""
        losses: Floats = self.weight * softplus(np.where(self.converted, -logits, logits))
        return losses


def choose_rows(labels: Labels, time_edges_days: Sequence[float], *, config: TrainingConfig) -> HazardRows:
    """Lists the rows of a fit, thinned where there are more than are needed.

    Negatives are thinned first, evenly, and each kept row stands for those left out; a quarter of them lost
    nothing measurable. Leads are not weighted by one over their number of examples: that predicted 1.85 times
    the observed conversions.

    Args:
        labels: of the examples.
        time_edges_days: (K + 1,)
        config: seed, training_window_days, max_rows, unthinned_rows, negative_keep_share.
    """
    example, time_bin, converted = bin_rows(labels, time_edges_days)
    if config.training_window_days is not None:
        # By the end of the time bin, not by the example: else the later bins would have no rows.
        ended = since_bin_end(labels, example, time_bin, time_edges_days)
        is_recent = ended <= edges_us([config.training_window_days])[0]
        example, time_bin, converted = example[is_recent], time_bin[is_recent], converted[is_recent]
    positive, negative = np.flatnonzero(converted), np.flatnonzero(~converted)
    most_positive = min(len(positive), int(config.max_rows * _MOST_POSITIVE))
    target = max(config.unthinned_rows, int(len(negative) * config.negative_keep_share))
    most_negative = min(len(negative), target, config.max_rows - most_positive)
    kept, weight = [], []
    for positions, most, stream in (
        (positive, most_positive, _POSITIVES),
        (negative, most_negative, _NEGATIVES),
    ):
        drawn, widths = spread_draw(len(positions), most, rng=np.random.default_rng([config.seed, stream]))
        kept.append(positions[drawn])
        weight.append(widths)
    chosen = np.concatenate(kept)
    order = np.argsort(chosen, kind="stable")
    chosen = chosen[order]
    return HazardRows(
        example[chosen], time_bin[chosen], converted[chosen], np.concatenate(weight)[order].astype(np.float64)
    )


def since_bin_end(labels: Labels, example: Ints, time_bin: Ints, time_edges_days: Sequence[float]) -> Ints:
    """(rows,) time from the end of each row's time bin to the origin, microseconds."""
    return labels.observed_us[example] - edges_us(time_edges_days)[1:][time_bin]


def training_examples(labels: Labels, time_edges_days: Sequence[float]) -> Ints:
    """Lists the examples with an observed time bin, also those whose rows are thinned away.

    Bins are entered and observed in their order, so an example has a row where it has one of the first bin.
    """
    return bin_rows(labels, time_edges_days[:2])[0]
