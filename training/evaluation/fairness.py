"""Figures by the values of attributes that the configuration names: does the model do as well for each group?

A group is expected to be treated alike where its observed conversions agree with the expected ones, where
leads that convert are told from others as well as elsewhere, and where its share of the highest band follows
from that. The table says what is, with intervals; what is fair is for people to decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.catalog.wording import declare
from features.engine.matrix import Examples
from features.errors import LeadOddsError
from features.history.lead_history import Bools, Floats, Ints, LeadHistory
from training.evaluation.segments import values_of_examples
from training.metrics.bootstrap import Bootstrap, Estimate, mean_estimate, metric_estimates, ratio_estimate


class FairnessError(LeadOddsError):
    """An attribute that is to be compared by, and that the history does not have."""

    def __init__(self, name: str, *, known: Sequence[str]) -> None:
        super().__init__(
            f"The configuration asks for fairness by {name!r}, which the history does not have, or only as a "
            f"number; attributes that are categories or booleans are: {', '.join(known) or 'none'}. Correct "
            "`fairness_attributes`."
        )


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """Figures of one group.

    Attributes:
        leads: leads in it.
        examples: predictions about them.
        expected: mean probability.
        observed: share that converted.
        ratio: observed over expected conversions; NaN bounds where nobody converted.
        auc: how often a lead that converts was predicted above one that does not; None with one outcome.
        skill: log-loss skill against the group's own base rate; None with one outcome.
        top_share: share in the highest band.
    """

    leads: int
    examples: int
    expected: float
    observed: Estimate
    ratio: Estimate
    auc: Estimate | None
    skill: Estimate | None
    top_share: Estimate

    def to_json(self) -> dict[str, Any]:
        """Turns the figures into an object."""
        return {
            "leads": self.leads,
            "examples": self.examples,
            "expected": round(self.expected, 6),
            "observed": self.observed.to_json(),
            "ratio": self.ratio.to_json(),
            "auc": self.auc and self.auc.to_json(),
            "log_loss_skill": self.skill and self.skill.to_json(),
            "top_share": self.top_share.to_json(),
        }


Fairness = Mapping[str, Mapping[str, GroupFigures]]


def fairness_to_json(fairness: Fairness) -> dict[str, Any]:
    """Turns the figures of all groups into an object."""
    return {
        attribute: {name: group.to_json() for name, group in groups.items()}
        for attribute, groups in fairness.items()
    }


def fairness_lines(fairness: Fairness) -> list[str]:
    """Writes the figures of all groups as lines of text."""
    lines = []
    for attribute, groups in fairness.items():
        head = f"{'groups of ' + attribute:<28}{'leads':>8}{'expected':>10}{'observed':>10}"
        lines += ["", f"{head}  observed/expected [95 %]  in the highest band"]
        for name, group in groups.items():
            ratio, expected, observed = group.ratio, group.expected, group.observed.value
            lines.append(
                f"  {name[:25]:<26}{group.leads:>8,}{expected:>10.1%}{observed:>10.1%}"
                f"  {ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]  {group.top_share.value:.1%}"
            )
    return lines


@dataclass(frozen=True, slots=True)
class Compared:
    """Predictions with what came of them.

    Attributes:
        examples: (n,) leads and moments.
        probability: (n,) predicted.
        converted: (n,) observed.
        cluster: (n,) number of the account or lead, which an interval draws as a whole.
        is_top: (n,) whether the prediction lies in the highest band.
    """

    examples: Examples
    probability: Floats
    converted: Bools
    cluster: Ints
    is_top: Bools


def compare_groups(
    history: LeadHistory, compared: Compared, attributes: Sequence[str], bootstrap: Bootstrap
) -> Fairness:
    """Computes the figures of each group, by attribute.

    Args:
        history: with the attributes, protected ones among them; values are those known at the moments.
        compared: the predictions.
        attributes: names of categories and booleans.
        bootstrap: of the intervals.

    Raises:
        FairnessError: the history does not have an attribute.
    """
    require_attributes(history, attributes)
    lead = compared.examples.lead
    found: dict[str, dict[str, GroupFigures]] = {}
    for name in attributes:
        feature = declare("attribute", attribute=name, type=history.attributes[name].type)
        groups = values_of_examples(history, compared.examples, feature)
        found[name] = {
            group: _figures(compared, mask, lead, bootstrap) for group, mask in groups.masks().items()
        }
    return found


def require_attributes(history: LeadHistory, attributes: Sequence[str]) -> None:
    """Refuses attributes that groups cannot be made of.

    Raises:
        FairnessError: the history does not have an attribute, or only as a number.
    """
    known = [name for name, each in history.attributes.items() if each.type != "number"]
    for name in attributes:
        if name not in known:
            raise FairnessError(name, known=known)


def _figures(compared: Compared, mask: Bools, lead: Ints, bootstrap: Bootstrap) -> GroupFigures:
    probability, converted = compared.probability[mask], compared.converted[mask]
    cluster, outcome = compared.cluster[mask], compared.converted[mask].astype(np.float64)
    has_both = 0 < converted.sum() < len(converted)
    metrics = metric_estimates(probability, converted, cluster, bootstrap) if has_both else {}
    return GroupFigures(
        leads=len(np.unique(lead[mask])),
        examples=len(converted),
        expected=float(probability.mean()),
        observed=mean_estimate(outcome, cluster, bootstrap),
        ratio=ratio_estimate(outcome, probability, cluster, bootstrap),
        auc=metrics.get("auc"),
        skill=metrics.get("log_loss_skill"),
        top_share=mean_estimate(compared.is_top[mask].astype(np.float64), cluster, bootstrap),
    )
