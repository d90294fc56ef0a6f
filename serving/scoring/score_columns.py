"""Scores of many leads as columns: what the predictor returns and the writers take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from features.engine.matrix import FeatureMatrix
from features.history.lead_history import CONVERTED, LOST, OPEN, Bools, Floats, Ints
from serving.scoring.reasons import Reasons

SmallInts = npt.NDArray[np.int8]

Status = Literal["scored", "insufficient_evidence", "converted", "lost", "failed"]
STATUSES: Final[tuple[Status, ...]] = ("scored", "insufficient_evidence", "converted", "lost", "failed")
SCORED, INSUFFICIENT_EVIDENCE, HAS_CONVERTED, IS_LOST, FAILED = range(5)

# From the codes of `features.history.known.outcome_known`.
STATUS_OF_OUTCOME: Final[Mapping[int, int]] = {OPEN: SCORED, CONVERTED: HAS_CONVERTED, LOST: IS_LOST}

NO_BAND: Final = -1


class Scores(NamedTuple):
    """Scores of n leads, of which m have numbers: those neither converted nor lost nor failed.

    Attributes:
        as_of: the moment of the prediction, microseconds UTC; the latest where each lead has its own.
        horizon_days: of the probability.
        status: (n,) position in `STATUSES`.
        row: (m,) positions among the n leads of those with numbers, rising.
        held_out: (n,) whether the lead is ranked by chance; see `models.scorecard.held_out`.
        priority: (m,) what ranks sort by, highest first.
        probability: (m,) of conversion within the horizon.
        low: (m,) lower end of the plausible range; NaN where the model has no replicas.
        high: (m,) upper end.
        band: (m,) position in the card's bands, NO_BAND without enough evidence.
        stage: (m,) position in `features.funnel.STAGES`.
        prospect: (m,) booleans.
        waiting_hours: (m,) since the oldest unanswered inbound interaction; NaN where none waits.
        expected_value: (m,) probability x expected amount; NaN where there are no amounts.
        base_log_odds: of the average lead.
        log_odds: (m,) of the probability.
        reasons: of the m leads.
        curve: (m, K) probabilities at the ends of the time bins.
        matrix: (features, m) values that the reasons show.
        failures: why a lead failed, by its position among the n.
    """

    as_of: int
    horizon_days: float
    status: SmallInts
    row: Ints
    held_out: Bools
    priority: Floats
    probability: Floats
    low: Floats
    high: Floats
    band: SmallInts
    stage: SmallInts
    prospect: npt.NDArray[np.bool_]
    waiting_hours: Floats
    expected_value: Floats
    base_log_odds: float
    log_odds: Floats
    reasons: Reasons
    curve: Floats
    matrix: FeatureMatrix
    failures: Mapping[int, str]
