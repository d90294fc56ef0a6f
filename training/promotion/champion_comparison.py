"""Compares a challenger with the champion: what was used, what the history still has, and the losses.

Three comparisons, because each misses what the others catch. The champion's configuration is refitted at the
challenger's origins, so that both know equally much. The champion as it is stored is compared at origins
after its end, with the challenger's configuration refitted there, never with its final fit, which has seen
the answers. And the history is held against what the champion was trained on: where outcomes were lost or
moved, every refit agrees with the faulty history, and no loss shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from features.checks.input_findings import compare_inputs
from features.checks.model_inputs import DIRECTION, ModelInputs, count_inputs
from features.engine.engine import compute_here
from features.engine.matrix import Compute, Examples, FeatureMatrix
from features.findings.input_codes import GONE
from features.history.extent import creations_begin
from features.history.known import has_row, outcome_known
from features.history.lead_history import CONVERTED, Bools, Floats, LeadHistory
from features.progress import Progress, silent
from features.times import US_PER_DAY, format_time
from models.bundle.card import Card
from models.inputs import inputs_of_bundle
from models.scorecard.hazards import sigmoid
from training.backtesting.champion import Champion, deployed_log_odds, refitted_log_odds
from training.backtesting.jobs import SCORECARD
from training.backtesting.planned_fits import plan_origin_fits, search_hyperparameters
from training.backtesting.predictions import BacktestPredictions, level_known_at
from training.backtesting.rolling_fits import make_fits
from training.config import TrainingConfig
from training.evaluation.capacity import Capacity, called_weights, top_weights
from training.evaluation.figure_parts import populations
from training.evaluation.inputs import EvaluationInputs
from training.evaluation.segments import AGE, WEEK
from training.examples.dataset import Dataset
from training.examples.feature_sets import union_of
from training.examples.labels import converted_within, label_examples
from training.metrics.bootstrap import Bootstrap, Estimate, ratio_estimate
from training.metrics.formulas import log_losses
from training.promotion.gate import LEAST_CONVERSIONS, ChampionComparison, DeployedComparison

# Part by which the share of leads that had converted by the champion's end may be lower than the champion's
# card says, and higher: late reports add to it.
_CONVERTED_SHARE: Final = (0.97, 1.1)
# A history that begins later holds other leads than the champion was trained on.
_SAME_BEGIN_US: Final = US_PER_DAY
_VANISHED_KIND: Final = "D099"
# Part of the leads that is called first where the capacity of sales is not known.
_USUAL_SHARE: Final = 0.1


def refit_champion(
    champion: Champion,
    predictions: BacktestPredictions,
    dataset: Dataset,
    of_champion: Dataset,
    *,
    config: TrainingConfig,
    compute: Compute = compute_here,
    progress: Progress = silent,
) -> Floats:
    """Refits the champion's configuration at the challenger's origins, and predicts the same test examples.

    Args:
        champion: with its configuration.
        predictions: the challenger's.
        dataset: the challenger's.
        of_champion: the examples that the champion's configuration draws.
        config: the challenger's.
        compute: what computes the features of the test examples.
        progress: called as the fits advance.

    Returns:
        (n,) log-odds; the challenger's own where the configurations fit the same model.
    """
    if champion.has_recipe_of(config):
        return predictions.predicted
    sets = of_champion.feature_sets
    own = champion.config.model_copy(update=dict(champion.chosen))
    planned = plan_origin_fits(of_champion, sets, config=own, has_baselines=False)
    if not champion.chosen:
        planned = search_hyperparameters(planned, of_champion, workers=config.workers, progress=progress)
    untested = [replace(fit, test=np.empty(0, dtype=np.int64)) for fit in planned]
    results = make_fits(untested, of_champion, workers=config.workers, progress=progress)
    place = {origin: number for number, origin in enumerate(dataset.origins)}
    at_origins = [results[place[origin]] for origin in predictions.origins]
    if of_champion is dataset:
        matrix = dataset.matrix
        tested = FeatureMatrix(matrix.names, matrix.values[:, predictions.test], matrix.vocabularies)
    else:
        tests = Examples(predictions.lead, predictions.as_of)
        tested = compute(union_of(sets), of_champion.history, tests)
    return refitted_log_odds(predictions, tested, at_origins)


def compare_with_champion(
    champion: Champion,
    refitted: Floats,
    predictions: BacktestPredictions,
    dataset: Dataset,
    inputs: EvaluationInputs,
    *,
    late: BacktestPredictions | None,
    of_champion: LeadHistory,
    config: TrainingConfig,
    compute: Compute = compute_here,
) -> ChampionComparison:
    """Computes all that the gate compares.

    Args:
        champion: as it is stored.
        refitted: (n,) log-odds of its configuration for the challenger's test examples.
        predictions: the challenger's.
        dataset: the challenger's.
        inputs: segments of the test examples, and the capacity of sales.
        late: predictions of the challenger's configuration at the late origins of the dataset, if any.
        of_champion: the history as the champion's configuration reads it.
        config: seed, replicates.
        compute: what computes the features that the stored champion reads.
    """
    history, card = dataset.history, champion.bundle.card
    compared = ChampionComparison(
        version=champion.version,
        horizon_days=card.horizon_days,
        configured_horizon_days=_configured_horizon(card),
        faults_of_history=tuple(find_faults(history, card)),
        lost_inputs=tuple(find_lost_inputs(inputs_of_bundle(champion.bundle), history)),
        accepts_insufficient=config.accept_insufficient,
    )
    if not compared.is_comparable(predictions.horizon_days):
        return compared
    bootstrap = Bootstrap(config.seed, config.bootstrap_replicates)
    segments = {
        name: loss_change(predictions, refitted, mask, bootstrap)
        for name, mask in gated_segments(predictions, inputs).items()
    }
    everyone = np.ones(len(refitted), dtype=np.bool_)
    deployed = (
        DeployedComparison()
        if compared.lost_inputs
        else _compare_deployed(
            champion, predictions, late, dataset, bootstrap, of_champion=of_champion, compute=compute
        )
    )
    return replace(
        compared,
        log_loss=loss_change(predictions, refitted, everyone, bootstrap),
        capture=capture_change(predictions, refitted, inputs.capacity, bootstrap),
        segments=segments,
        deployed=deployed,
    )


def _configured_horizon(card: Card) -> float:
    """Gives the main horizon that a training was configured for; its own where the card does not say."""
    configured = card.config.get("horizon_days")
    return float(configured) if isinstance(configured, int | float) else card.horizon_days


def find_faults(history: LeadHistory, card: Card) -> Iterator[str]:
    """Finds where a history contradicts the one that a model was trained on; a sentence without ids each.

    Args:
        history: of the challenger.
        card: of the champion; its `observed_until` and counts of leads.
    """
    if history.observed_until < card.observed_until:
        ends = f"{format_time(history.observed_until)}, before {format_time(card.observed_until)}"
        yield f"its outcomes end at {ends}, where the champion's ended"
        return
    leads, converted = (card.trained_on.get(name) for name in ("leads", "converted_leads"))
    begins_later = creations_begin(history) > card.history_from + _SAME_BEGIN_US
    if begins_later or not isinstance(leads, int) or not isinstance(converted, int) or not leads * converted:
        return
    known = np.flatnonzero(has_row(history, card.observed_until))
    found = int((outcome_known(history, known, card.observed_until) == CONVERTED).sum())
    change = (found / max(len(known), 1)) / (converted / leads)
    if not _CONVERTED_SHARE[0] <= change <= _CONVERTED_SHARE[1]:
        counted = f"of {len(known)} leads known at {format_time(card.observed_until)} {found} had converted"
        yield f"{counted} by then, the champion saw {converted} of {leads}: some were lost, moved or added"


def find_lost_inputs(inputs: ModelInputs, history: LeadHistory) -> Iterator[str]:
    """Finds what a model reads and a history no longer has.

    Args:
        inputs: of the model.
        history: of the challenger.
    """
    for name, type_ in sorted(inputs.attributes.items()):
        if name in history.attributes and history.attributes[name].type != type_:
            yield f"attribute {name} is a {history.attributes[name].type}, it was a {type_}"
    counts = count_inputs(inputs, history)
    columns = {"leads": [*history.attributes, "account_id"], "interactions": (*inputs.columns, DIRECTION)}
    for problem in compare_inputs(inputs, counts, columns=columns, found=(), alike_ids={}):
        if problem.code in GONE or problem.code == _VANISHED_KIND:
            yield f"{problem.code} {problem.sentence}"


def _compare_deployed(
    champion: Champion,
    predictions: BacktestPredictions,
    late: BacktestPredictions | None,
    dataset: Dataset,
    bootstrap: Bootstrap,
    *,
    of_champion: LeadHistory,
    compute: Compute,
) -> DeployedComparison:
    """Compares the stored champion with the challenger's configuration at origins after its end."""
    if champion.bundle.scorecard.time_edges_days[-1] < predictions.horizon_days:
        return DeployedComparison(is_out_of_reach=True)
    tested = predictions if late is None else late
    end = champion.bundle.card.observed_until
    numbers = [number for number, origin in enumerate(tested.origins) if origin.at >= end]
    mask = np.isin(tested.origin, numbers)
    converted = tested.converted[mask]
    if not mask.any() or not 0 < converted.sum() < len(converted):
        return DeployedComparison(origins=len(numbers))
    shifts = [_shift_at(origin.at, predictions, dataset) for origin in tested.origins]
    ours = tested.log_odds[SCORECARD][mask] + np.array(shifts)[tested.origin[mask]]
    examples = Examples(tested.lead[mask], tested.as_of[mask])
    theirs = deployed_log_odds(
        champion.bundle, of_champion, examples, horizon_days=predictions.horizon_days, compute=compute
    )
    losses, their_losses = log_losses(ours, converted), log_losses(theirs, converted)
    return DeployedComparison(
        ratio_estimate(losses - their_losses, their_losses, tested.clusters[mask], bootstrap),
        origins=len(numbers),
        conversions=len(np.unique(examples.lead[converted])),
    )


def _shift_at(at: int, predictions: BacktestPredictions, dataset: Dataset) -> float:
    """Gives the level shift that the challenger's configuration could add at a moment."""
    labels = label_examples(dataset.history, dataset.examples_at(predictions.test), observed_until=at)
    outcome = converted_within(labels, predictions.horizon_days)
    return level_known_at(at, predictions, predictions.log_odds[SCORECARD], outcome).shift


def gated_segments(predictions: BacktestPredictions, inputs: EvaluationInputs) -> Mapping[str, Bools]:
    """Takes the populations, and the segments of configured attributes, with enough conversions."""
    configured = {
        f"{question}={name}": mask
        for question, segmentation in inputs.segments.items()
        if question not in (AGE, WEEK)
        for name, mask in segmentation.masks().items()
    }
    return {
        name: mask
        for name, mask in (populations(predictions) | configured).items()
        if len(np.unique(predictions.lead[mask & predictions.converted])) >= LEAST_CONVERSIONS
    }


def loss_change(
    predictions: BacktestPredictions, theirs: Floats, mask: Bools, bootstrap: Bootstrap
) -> Estimate:
    """Computes the difference of log loss to the champion's, as a part of the champion's."""
    converted = predictions.converted[mask]
    ours, champion = log_losses(predictions.predicted[mask], converted), log_losses(theirs[mask], converted)
    return ratio_estimate(ours - champion, champion, predictions.clusters[mask], bootstrap)


def capture_change(
    predictions: BacktestPredictions, theirs: Floats, capacity: Capacity | None, bootstrap: Bootstrap
) -> Estimate:
    """Computes by which part more conversions are captured at sales capacity than by the champion's list."""
    captured = [
        _called(sigmoid(odds), predictions, capacity) * predictions.converted
        for odds in (predictions.predicted, theirs)
    ]
    ratio = ratio_estimate(captured[0], captured[1], predictions.clusters, bootstrap)
    return Estimate(ratio.value - 1, ratio.low - 1, ratio.high - 1, ratio.n)


def _called(probability: Floats, predictions: BacktestPredictions, capacity: Capacity | None) -> Floats:
    """(n,) which part of each test example sales would call; a tenth where the capacity is not known."""
    if capacity is None:
        return top_weights(probability, share=_USUAL_SHARE)
    return called_weights(probability, predictions.as_of, capacity)
