"""Plausible ways to train on leads without a final outcome, each in a world that shows how wrong it is.

Every alternative is the product's own fit on altered labels or rows. Its predictions are compared with the
true probability of the world, not with the observed share, so that the only chance is that of the fit; and
the error that it should have is computed by hand from the rates of the world.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pytest

from features.catalog.spec import FeatureSet
from features.catalog.wording import declare
from features.engine.engine import compute_features
from features.engine.matrix import FeatureMatrix
from features.engine.plan import compile_plan
from features.history.lead_history import LOST, Bools, Floats, Ints
from features.history.outcomes import one_of_each
from features.times import NEVER_US, US_PER_DAY
from models.scorecard.bins import encode
from models.scorecard.scorecard import Scorecard
from models.scorecard.scoring import probabilities
from tests.support.worlds import World, arrivals, converted_share, make_world, names, numbers
from training.config import TrainingConfig
from training.examples.examples import draw_examples
from training.examples.labels import Labels, is_mature, label_examples
from training.fitting.fit_data import FitData, prepare
from training.fitting.hazard_rows import HazardRows, choose_rows
from training.fitting.scorecard_fit import fit_scorecard

HORIZON: Final = 30.0
EDGES: Final = (0.0, 3.0, 7.0, 14.0, 30.0)
# Few quick trees on few rows: at most one feature carries information.
CONFIG: Final = TrainingConfig(
    time_edges_days=EDGES, grid_spacing_days=5, iterations=40, learning_rate=0.2, max_rows=40_000, quick=True
)

# Each predicted probability rests on 250 conversions or more: a standard error of 6 % at most.
NEAR: Final = pytest.approx(1, abs=0.15)


@dataclass(frozen=True, slots=True)
class LabelledWorld:
    """A world as a training sees it; the examples of its last days are the test examples.

    Attributes:
        world: the truth.
        feature_set: its attributes.
        matrix: (features, examples).
        lead: (examples,)
        labels: as known at the end.
        test: positions of the test examples.
    """

    world: World
    feature_set: FeatureSet
    matrix: FeatureMatrix
    lead: Ints
    labels: Labels
    test: Ints

    def ratio(self, scorecard: Scorecard, among: Bools | None = None) -> float:
        """Predicted over true probability of the test examples, or of those of some leads."""
        test = self.test if among is None else self.test[among[self.lead[self.test]]]
        predicted = probabilities(scorecard, encode(scorecard.bins, self.matrix)[test], HORIZON)
        return float(predicted.mean() / self.world.probability(self.lead[test], HORIZON).mean())

    def fit_data(self, labels: Labels) -> FitData:
        """The data of the product's fit, with its own labels or with wrong ones."""
        return prepare(self.matrix, self.feature_set, labels, self.lead, time_edges_days=EDGES, config=CONFIG)

    def fit(self, labels: Labels) -> Scorecard:
        """The product's fit."""
        return fit_scorecard(self.fit_data(labels), horizon_days=HORIZON, config=CONFIG).scorecard

    def fit_rows(self, rows: HazardRows, edges: tuple[float, ...] = EDGES) -> Scorecard:
        """The product's fit on rows that it would not choose."""
        fit_data = replace(
            self.fit_data(self.labels), rows=rows, examples=np.unique(rows.example), time_edges_days=edges
        )
        return fit_scorecard(fit_data, horizon_days=HORIZON, config=CONFIG).scorecard


def label_world(world: World, config: TrainingConfig = CONFIG) -> LabelledWorld:
    """Draws the examples of a world and labels them."""
    history = world.history
    examples = draw_examples(history, config=config).examples
    feature_set = FeatureSet(
        tuple(
            declare("attribute", attribute=name, type=values.type)
            for name, values in history.attributes.items()
        )
    )
    return LabelledWorld(
        world=world,
        feature_set=feature_set,
        matrix=compute_features(compile_plan(feature_set), history, examples),
        lead=examples.lead,
        labels=label_examples(history, examples, observed_until=history.observed_until),
        test=np.flatnonzero(examples.as_of > history.observed_until - 10 * US_PER_DAY),
    )


def even_world(created: Floats, conversion_rate: float, loss_rate: float, *, days: float) -> World:
    """All leads alike, with one attribute without information."""
    luck = {"luck": numbers(np.random.default_rng(5).random(len(created)))}
    return make_world(created, conversion_rate, loss_rate, luck, days=days, seed=5)


def probability_of(hazards: Floats) -> float:
    """P(conversion) over consecutive time bins of these hazards."""
    return float(1 - np.prod(1 - hazards))


def test_lost_leads_as_censored__predict_as_if_no_lead_were_lost() -> None:
    # Five leads are lost for each that converts, most of them within days.
    conversion, loss = 0.02, 0.1
    labelled = label_world(even_world(arrivals(6_000, days=100, seed=1), conversion, loss, days=100))
    outcomes = one_of_each(labelled.world.history.outcomes)
    is_lost = outcomes.outcome[labelled.lead] == LOST
    seen_us = labelled.labels.observed_us
    # An example of a lost lead lies before the loss, at `as_of` = end of what is observed - `observed_us`.
    as_of = labelled.world.history.observed_until - seen_us
    lost_us = np.where(is_lost, outcomes.occurred_at[labelled.lead] - as_of, NEVER_US)

    censored = labelled.fit(replace(labelled.labels, observed_us=np.minimum(seen_us, lost_us)))

    assert labelled.ratio(labelled.fit(labelled.labels)) == NEAR
    # A bin of width w then holds only leads that convert in it, and leads for which neither clock has ended:
    # odds 1/6 (exp(0.12 w) - 1), which make 0.65 of 30 days; the truth is 1/6 (1 - exp(-3.6)) = 0.16.
    odds = conversion / (conversion + loss) * np.expm1((conversion + loss) * np.diff(EDGES))
    expected = probability_of(odds / (1 + odds)) / converted_share(conversion, loss, HORIZON)
    assert expected == pytest.approx(4.0, abs=0.01)
    assert labelled.ratio(censored) == pytest.approx(expected, rel=0.15)


# A business that grows by the factor e every ten days: an example is C days old with density g exp(-g C).
GROWTH: Final = 0.1
CONVERSION, LOSS = 0.03, 0.03


@pytest.fixture(scope="module")
def growing() -> LabelledWorld:
    # A spacing of one day is so fine that the sum over examples is close to the integral.
    config = CONFIG.model_copy(update={"grid_spacing_days": 1})
    created = arrivals(16_000, days=110, seed=2, growth=GROWTH)
    return label_world(even_world(created, CONVERSION, LOSS, days=110), config)


def test_young_leads_as_negatives__predict_far_too_little_while_a_business_grows(
    growing: LabelledWorld,
) -> None:
    horizon_us = round(HORIZON * US_PER_DAY)

    closed = growing.fit(
        replace(growing.labels, observed_us=np.maximum(growing.labels.observed_us, horizon_us))
    )

    assert growing.ratio(growing.fit(growing.labels)) == NEAR
    # Only conversions before the end count: integral of f(t) exp(-g t), 3/16 (1 - exp(-4.8)) = 0.19;
    # the truth is 1/2 (1 - exp(-1.8)) = 0.42.
    both = CONVERSION + LOSS + GROWTH
    expected = CONVERSION / both * -np.expm1(-both * HORIZON) / converted_share(CONVERSION, LOSS, HORIZON)
    assert expected == pytest.approx(0.445, abs=0.005)
    assert growing.ratio(closed) == pytest.approx(expected, rel=0.15)


def test_early_positives__predict_far_too_much_while_a_business_grows(growing: LabelledWorld) -> None:
    is_seen = growing.labels.time_to_conversion_us < NEVER_US

    accepted = growing.fit(
        replace(growing.labels, observed_us=np.where(is_seen, NEVER_US, growing.labels.observed_us))
    )

    assert growing.ratio(growing.fit(growing.labels)) == NEAR
    # Positive in bin (a, b] are those who convert before the end, integral of f(t) exp(-g t); negative are
    # those who have not converted among the exp(-g b) that are old enough.
    edges = np.array(EDGES)
    both = CONVERSION + LOSS + GROWTH
    early = CONVERSION / both * -np.diff(np.exp(-both * edges))
    left = np.exp(-GROWTH * edges[1:]) * (1 - converted_share(CONVERSION, LOSS, edges[1:]))
    expected = probability_of(early / (early + left)) / converted_share(CONVERSION, LOSS, HORIZON)
    assert expected == pytest.approx(1.45, abs=0.01)
    assert growing.ratio(accepted) == pytest.approx(expected, rel=0.15)


def test_weights_by_lead__predict_as_for_leads_with_few_examples() -> None:
    # Half of the leads convert in the end, after 100 days in the mean; slow leads have many examples.
    conversion, loss = 0.005, 0.005
    config = CONFIG.model_copy(update={"grid_spacing_days": 10})
    labelled = label_world(even_world(arrivals(2_000, days=500, seed=3), conversion, loss, days=500), config)
    rows = choose_rows(labelled.labels, EDGES, config=config)
    examples_of_lead = np.bincount(labelled.lead)[labelled.lead]

    by_lead = labelled.fit_rows(replace(rows, weight=rows.weight / examples_of_lead[rows.example]))

    assert labelled.ratio(labelled.fit_rows(rows)) == NEAR
    # A lead counts once, with the share of its examples that convert: for one that converts after D days,
    # those of its last 30 days, min(1, 30/D). With E1(0.3) = 0.906 that is 0.26 + 0.3 x 0.906 = 0.53 on
    # average, where the share of examples is 1 - exp(-0.3) = 0.26: twice too much, if all leads were final.
    assert labelled.ratio(by_lead) > 1.4


NEW: Final = 0


def campaign(*, old_rate: float, new_rate: float) -> tuple[LabelledWorld, Bools]:
    """For 27 days most leads have come from a fair, where none came before, and convert at another rate."""
    created = arrivals(12_000, days=80, seed=4)
    is_new = (created > 53) & (np.random.default_rng(4).random(len(created)) < 0.8)
    source = {"source": names(np.where(is_new, NEW, 1), ("fair", "web"))}
    world = make_world(created, np.where(is_new, new_rate, old_rate), 0.01, source, days=80, seed=4)
    return label_world(world), is_new


@pytest.mark.parametrize(("old_rate", "new_rate"), [(0.03, 0.006), (0.006, 0.03)])
def test_mature_examples_only__predict_a_new_campaign_by_the_old_ones(
    old_rate: float, new_rate: float
) -> None:
    labelled, is_new = campaign(old_rate=old_rate, new_rate=new_rate)
    labels = labelled.labels

    mature = labelled.fit(
        replace(labels, observed_us=np.where(is_mature(labels, HORIZON), labels.observed_us, -1))
    )

    assert labelled.ratio(labelled.fit(labels), is_new) == NEAR
    # No mature example is of the fair: predicted is 0.52 instead of 0.14, or the reverse.
    expected = converted_share(old_rate, 0.01, HORIZON) / converted_share(new_rate, 0.01, HORIZON)
    assert labelled.ratio(mature, is_new) == pytest.approx(expected, rel=0.1)


def test_censoring_weights__predict_one_where_only_conversions_are_known() -> None:
    labelled, is_new = campaign(old_rate=0.03, new_rate=0.006)
    rows = weighted_by_censoring(labelled.labels)

    weighted = labelled.fit_rows(rows, (0.0, HORIZON))

    assert labelled.ratio(labelled.fit(labelled.labels), is_new) == NEAR
    # The weights are right as long as no feature reveals the date, as for leads of the web.
    assert labelled.ratio(weighted, ~is_new) == NEAR
    # Of the fair only conversions within the 30 days are known: predicted is nearly 1 instead of 0.14.
    assert rows.converted[is_new[labelled.lead[rows.example]]].all()
    assert labelled.ratio(weighted, is_new) > 4


def weighted_by_censoring(labels: Labels) -> HazardRows:
    """Examples whose outcome within the horizon is known, weighted for those whose outcome is not yet known.

    An outcome known after t days weighs 1 over the share of examples that were observed so long.
    """
    horizon_us = round(HORIZON * US_PER_DAY)
    time, observed = labels.time_to_conversion_us, labels.observed_us
    known = np.flatnonzero(
        ~labels.had_converted & ((time <= np.minimum(observed, horizon_us)) | (observed >= horizon_us))
    )
    known_after = np.minimum(time[known], horizon_us)
    share = 1 - np.searchsorted(np.sort(observed), known_after, side="left") / len(observed)
    return HazardRows(known, np.zeros(len(known), dtype=np.int64), time[known] <= horizon_us, 1 / share)
