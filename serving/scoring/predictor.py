"""From a history to probabilities, bands, stages and reasons: the one path behind every door."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Final

import numpy as np

from features import funnel
from features.catalog.spec import Feature, FeatureSet
from features.checks.model_inputs import ModelInputs
from features.engine.engine import compute_features
from features.engine.matrix import Examples, FeatureMatrix
from features.engine.plan import FeaturePlan, compile_plan
from features.history.known import outcome_known
from features.history.lead_history import OPEN, AttributeType, Bools, Floats, Ints, LeadHistory
from features.history.settings import HistorySettings
from features.history.text_rule import TextRule
from models.bundle.bundle import Bundle
from models.inputs import inputs_of_bundle
from models.scorecard.bands import bands_of, is_insufficient
from models.scorecard.bins import ByteCodes, Encoder, encoder_of
from models.scorecard.points import base_log_odds, points
from models.scorecard.prediction import Prediction, predict
from models.scorecard.scoring import find_positions
from models.scorecard.tables import FEW_EXAMPLES, Positions
from serving.scoring.reasons import ReasonCount, TermLabel, labels_of_terms, strongest_reasons
from serving.scoring.score_columns import (
    FAILED,
    INSUFFICIENT_EVIDENCE,
    NO_BAND,
    STATUS_OF_OUTCOME,
    Scores,
    SmallInts,
)

_STATUS_OF_CODE: Final = np.array([STATUS_OF_OUTCOME[code] for code in range(3)], dtype=np.int8)
_NOT_A_NUMBER: Final = "the model gave no finite number"


@dataclass(frozen=True, slots=True, eq=False)
class Predictor:
    """A bundle ready to score; it holds no state that changes, so any number of threads may use it.

    Attributes:
        bundle: the stored files of the version.
        plan: the compiled features that the scorecard reads, and those of the sales side.
        encoder: turns those that the scorecard reads into codes.
        features: declarations by name.
        attribute_types: the type of each attribute that the features read.
        reads_account: whether a feature is measured over the whole account.
        account_limit: known interactions of an account above which no feature reads them; None: no limit.
        term_labels: what people read about each term of the scorecard.
        band_names: of the card, from the highest probability down.
        band_limits: (bands,) lowest probability of each.
        curve_days: ends of the time bins.
        inputs: what the scorecard reads of a history.
        settings: by which histories are read to be scored.
        on_features: called with the seconds that the features of a lead took, where a server measures them.
    """

    bundle: Bundle
    plan: FeaturePlan
    encoder: Encoder
    features: Mapping[str, Feature]
    attribute_types: Mapping[str, AttributeType]
    reads_account: bool
    account_limit: int | None
    term_labels: tuple[TermLabel, ...]
    band_names: tuple[str, ...]
    band_limits: Floats
    curve_days: tuple[float, ...]
    inputs: ModelInputs
    settings: HistorySettings
    on_features: Callable[[float], None] | None = None

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Predictor:
        """Compiles everything that depends on the bundle alone."""
        read = {bins.name for bins in bundle.scorecard.bins}
        declared = [feature for feature in bundle.feature_set.features if feature.name in read]
        sales = funnel.sales_features(conditions=bundle.card.conditions)
        features = {feature.name: feature for feature in declared}
        feature_set = FeatureSet((*declared, *sales))
        return cls(
            bundle=bundle,
            plan=compile_plan(feature_set),
            encoder=encoder_of(bundle.scorecard.bins, feature_set.names),
            features=features,
            attribute_types={
                feature.attribute: feature.type for feature in (*sales, *declared) if feature.attribute
            },
            reads_account=any(feature.scope == "account" for feature in declared),
            account_limit=FeatureSet(tuple(declared)).account_limit,
            term_labels=labels_of_terms(bundle.scorecard, features),
            band_names=tuple(band.name for band in bundle.card.bands),
            band_limits=bundle.card.band_limits,
            curve_days=tuple(bundle.scorecard.time_edges_days[1:].tolist()),
            inputs=inputs_of_bundle(bundle),
            settings=bundle.card.settings,
        )

    @property
    def model_version(self) -> str:
        """The version of the bundle in the registry."""
        return self.bundle.card.model_version

    def unprotected(self, names: Iterable[str]) -> list[str]:
        """Leaves out the attributes that the model protects: no list, message or file shows them."""
        return [name for name in names if name not in self.settings.protected]

    @property
    def text_rule(self) -> TextRule:
        """The rule that the texts and missing values of scored leads are read by."""
        return self.bundle.card.text_rule

    @property
    def feature_set_version(self) -> str:
        """The version of the whole feature set of the bundle."""
        return self.bundle.feature_set.version

    @property
    def longest_horizon_days(self) -> float:
        """The longest horizon that the model has hazards for, days."""
        return float(self.bundle.scorecard.time_edges_days[-1])

    def compute(self, history: LeadHistory, leads: Ints, as_of: Ints | int) -> FeatureMatrix:
        """Computes the features that `score` reads: (features, leads)."""
        moments = np.full(len(leads), as_of, dtype=np.int64)
        began = perf_counter()
        matrix = compute_features(self.plan, history, Examples(lead=leads, as_of=moments))
        if self.on_features is not None:
            self.on_features((perf_counter() - began) / max(len(leads), 1))
        return matrix

    def held_out(self, history: LeadHistory, leads: Ints) -> tuple[Bools, Floats]:
        """Finds the leads that are held out; see `HeldOut.places`."""
        rule = self.bundle.card.held_out
        if rule is None:
            return np.zeros(len(leads), np.bool_), np.zeros(len(leads))
        return rule.places(history, leads)

    def score(
        self,
        history: LeadHistory,
        leads: Ints,
        as_of: Ints | int,
        *,
        horizon_days: float | None = None,
        reasons: ReasonCount = 3,
    ) -> Scores:
        """Scores some leads of a history.

        Args:
            history: checked; rows that were not known at `as_of` change nothing.
            leads: (n,) rows of the history, each created at or before `as_of`.
            as_of: the moment of the prediction, microseconds UTC; or (n,) moments, one for each.
            horizon_days: None is the main horizon.
            reasons: how many to name.

        Raises:
            HorizonError: the horizon is not positive, or longer than the model's.
        """
        scorecard = self.bundle.scorecard
        outcome = outcome_known(history, leads, as_of)
        status = _STATUS_OF_CODE.take(outcome)
        row = (outcome == OPEN).nonzero()[0]
        matrix = self.compute(history, leads.take(row), as_of if isinstance(as_of, int) else as_of[row])
        codes = self.encoder.encode(matrix)
        horizon_days = scorecard.horizon_days if horizon_days is None else horizon_days
        # For a few leads the positions are found once and shared; for many, chunk by chunk.
        positions = find_positions(scorecard, codes) if len(codes) <= FEW_EXAMPLES else None
        prediction = predict(scorecard, codes, horizon_days, positions=positions)
        # Where a hazard is too small for a double its log-odds are minus infinity, and the lead fails.
        finite = np.isfinite(prediction.log_odds)
        failures: dict[int, str] = {}
        if np.count_nonzero(finite) < len(finite):
            failures = {int(failed): _NOT_A_NUMBER for failed in row[~finite]}
            status[row[~finite]] = FAILED
            row, codes, prediction = row[finite], codes[finite], prediction.of(finite)
            matrix = matrix._replace(values=matrix.values[:, finite])
            positions = None
        held_out, place_of = self.held_out(history, leads)
        return self._scores(
            as_of=as_of if isinstance(as_of, int) else int(as_of.max(initial=0)),
            horizon_days=horizon_days,
            status=status,
            row=row,
            held_out=held_out,
            place_of=place_of,
            prediction=prediction,
            codes=codes,
            positions=positions,
            matrix=matrix,
            reasons=reasons,
            failures=failures,
        )

    def _scores(
        self,
        *,
        as_of: int,
        horizon_days: float,
        status: SmallInts,
        row: Ints,
        held_out: Bools,
        place_of: Floats,
        prediction: Prediction,
        codes: ByteCodes,
        positions: Positions | None,
        matrix: FeatureMatrix,
        reasons: ReasonCount,
        failures: Mapping[int, str],
    ) -> Scores:
        card, scorecard = self.bundle.card, self.bundle.scorecard
        base = base_log_odds(scorecard, horizon_days)
        odds, probability = prediction.log_odds, prediction.probability
        band = bands_of(probability, self.band_limits)
        too_wide = is_insufficient(prediction.low, prediction.high, self.band_limits)
        if np.count_nonzero(too_wide):
            band[too_wide] = NO_BAND
            status[row[too_wide]] = INSUFFICIENT_EVIDENCE
        amount = np.nan if card.usual_amount is None else card.usual_amount
        ranked_by = (
            probability if card.held_out is None else np.where(held_out[row], place_of[row], probability)
        )
        shares = np.empty((len(row), 0))
        if reasons != 0:
            _, shares = points(
                scorecard, codes, horizon_days, logits=prediction.logits, odds=odds, positions=positions
            )
        return Scores(
            as_of=as_of,
            horizon_days=horizon_days,
            status=status,
            row=row,
            held_out=held_out,
            priority=ranked_by if card.usual_amount is None else ranked_by * amount,
            probability=probability,
            low=prediction.low,
            high=prediction.high,
            band=band,
            stage=funnel.stages(matrix),
            prospect=funnel.prospects(matrix, card.conditions),
            waiting_hours=funnel.waiting_hours(matrix),
            expected_value=probability * amount,
            base_log_odds=base,
            log_odds=odds,
            reasons=strongest_reasons(shares, odds - base, count=reasons),
            curve=prediction.curve,
            matrix=matrix,
            failures=failures,
        )
