"""Held-out leads beside the others: did selection bend what is learnt, and does calling by the list win more?

Leads are held out by a hash of their account, so both groups are alike but for their place in the list. Where
the model promises too much of one group and not of the other, it learnt from who was called. Where the others
convert more often, calling by the list is what won them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from features.history.lead_history import Bools, Floats, Ints, LeadHistory
from models.scorecard.hazards import sigmoid
from models.scorecard.held_out import draw_leads
from training.backtesting.predictions import BacktestPredictions
from training.metrics.bootstrap import Bootstrap, Estimate, ends, replicate_sums
from training.metrics.cluster_sums import sum_by_cluster

# Fewer conversions of a group give no interval worth reading.
_LEAST_CONVERSIONS: Final = 10


@dataclass(frozen=True, slots=True)
class HeldOutComparison:
    """Both groups, over predictions whose horizon is over.

    Attributes:
        leads: number of clusters of each group: held out, others.
        rates: share of the predictions that were followed by a conversion: held out, others.
        difference: rate of the others less that of the held-out leads.
        levels: observed over expected conversions: held out, others.
        bend: level of the held-out leads over that of the others; 1 where selection bent nothing.
    """

    leads: tuple[int, int]
    rates: tuple[Estimate, Estimate]
    difference: Estimate
    levels: tuple[Estimate, Estimate]
    bend: Estimate

    @property
    def sentences(self) -> tuple[str, str]:
        """What the figures say: about the list, then about the model."""
        return _on_list(self.difference), _on_model(self.bend)

    def to_json(self) -> dict[str, Any]:
        """Turns the comparison into an object."""
        groups = {
            name: {
                "clusters": self.leads[place],
                "rate": self.rates[place].to_json(),
                "observed_over_expected": self.levels[place].to_json(),
            }
            for place, name in enumerate(("held_out", "others"))
        }
        return {
            **groups,
            "rate_difference": self.difference.to_json(),
            "level_ratio": self.bend.to_json(),
            "sentences": list(self.sentences),
        }

    def __str__(self) -> str:
        """Writes the comparison as lines."""
        lines = [
            f"  {name}: {count:,} clusters, {rate.value:.2%} converted [{rate.low:.2%}, {rate.high:.2%}], "
            f"observed/expected {level.value:.2f} [{level.low:.2f}, {level.high:.2f}]"
            for name, count, rate, level in zip(
                ("held out", "others"), self.leads, self.rates, self.levels, strict=True
            )
        ]
        return "\n".join(["Held out against the others", *lines, *self.sentences])


def compare_held_out(
    is_held_out: Bools,
    expected: Floats,
    converted: Floats,
    cluster: Ints,
    *,
    bootstrap: Bootstrap,
) -> HeldOutComparison | None:
    """Compares predictions for held-out leads with those for the others.

    Args:
        is_held_out: (n,) whether each lead is; the leads of one cluster are alike.
        expected: (n,) predicted chance of a conversion within the horizon.
        converted: (n,) 1 where it followed, else 0.
        cluster: (n,) number of each lead's account, or of the lead that has none.
        bootstrap: of the intervals, drawn over clusters.

    Returns:
        None where a group has too few conversions to tell.
    """
    masks = [is_held_out, ~is_held_out]
    if any(converted[mask].sum() < _LEAST_CONVERSIONS for mask in masks):
        return None
    summands = [part * mask for part in (np.ones(len(expected)), converted, expected) for mask in masks]
    rows = np.repeat(np.arange(len(summands)), len(cluster))
    by_cluster = sum_by_cluster(
        np.concatenate(summands), rows, np.tile(cluster, len(summands)), rows_count=len(summands)
    )
    whole = np.array([[part.sum()] for part in summands])
    values, drawn = _figures(whole), _figures(replicate_sums(by_cluster, bootstrap))
    counts = [int(mask.sum()) for mask in masks]

    def estimate(name: str, count: int) -> Estimate:
        return Estimate(float(values[name][0]), *ends(drawn[name]), count)

    everyone = len(cluster)
    return HeldOutComparison(
        leads=(len(np.unique(cluster[is_held_out])), len(np.unique(cluster[~is_held_out]))),
        rates=(estimate("rate 0", counts[0]), estimate("rate 1", counts[1])),
        difference=estimate("difference", everyone),
        levels=(estimate("level 0", counts[0]), estimate("level 1", counts[1])),
        bend=estimate("bend", everyone),
    )


def compare_held_out_examples(
    predictions: BacktestPredictions, history: LeadHistory, *, share: float, bootstrap: Bootstrap
) -> HeldOutComparison | None:
    """Compares the test examples of held-out leads with those of the others.

    The hash of an id tells which leads are held out, at any time. Leads from before the share was configured
    were called like all others, and draw both figures towards no difference.

    Args:
        predictions: of the test examples, with what was observed.
        history: of the leads.
        share: of the accounts that is held out; 0: none.
        bootstrap: of the intervals.

    Returns:
        None where no share is held out, or a group has too few conversions to tell.
    """
    if share == 0:
        return None
    return compare_held_out(
        draw_leads(history, predictions.lead)[:, 0] < share,
        sigmoid(predictions.predicted),
        predictions.converted.astype(np.float64),
        predictions.clusters,
        bootstrap=bootstrap,
    )


def _figures(sums: Floats) -> dict[str, Floats]:
    """Computes all figures of (6, replicates) sums: scores, conversions, expected, each of both groups."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rates, levels = sums[2:4] / sums[0:2], sums[2:4] / sums[4:6]
        return {
            "rate 0": rates[0],
            "rate 1": rates[1],
            "difference": rates[1] - rates[0],
            "level 0": levels[0],
            "level 1": levels[1],
            "bend": levels[0] / levels[1],
        }


def _on_list(difference: Estimate) -> str:
    shown = (
        f"{100 * difference.value:+.2f} points [{100 * difference.low:+.2f}, {100 * difference.high:+.2f}]"
    )
    if difference.low > 0:
        return f"Calling by the list wins more: {shown} of the leads."
    if difference.high < 0:
        return f"Calling by the list wins less than by chance: {shown} of the leads."
    return f"Whether calling by the list wins more cannot be told yet: {shown} of the leads."


def _on_model(bend: Estimate) -> str:
    shown = f"{bend.value:.2f} [{bend.low:.2f}, {bend.high:.2f}]"
    if bend.low > 1 or bend.high < 1:
        return (
            f"Selection bent what is learnt: held-out leads convert at {shown} times the level of the others "
            "against what the model expects. Its probabilities hold for leads that are called as before."
        )
    return f"Nothing shows that selection bent what is learnt: the levels differ by a factor of {shown}."
