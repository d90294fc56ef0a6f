"""The scores that are compared with what followed: one of a lead and week, found in the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.history.lead_history import Bools, Floats, Ints, LeadHistory
from models.bundle.bundle import Bundle
from training.evaluation.capacity import week_of
from training.monitoring.own_curves import OwnCurves
from training.monitoring.recomputed import recomputed_curves
from training.monitoring.score_rows import ScoresError, curves_of

NO_NAME = -1


@dataclass(frozen=True, slots=True)
class GivenScores:
    """Scores of leads of the history, sorted by (as_of, lead).

    Attributes:
        lead: (n,) row of the lead in the history.
        as_of: (n,) microseconds UTC.
        probability: (n,) within the horizon.
        curves: what each score said about every day.
        version: (n,) position in `versions`.
        band: (n,) position in `bands`, NO_NAME where it had none.
        stage: (n,) position in `stages`, NO_NAME where it had none.
        held_out: (n,) whether the lead was held out of prioritisation.
        score_id: (n,) of a single score, None of a night's.
        horizon_days: of all of them.
        versions: names.
        bands: names, the best first.
        stages: names.
    """

    lead: Ints
    as_of: Ints
    probability: Floats
    curves: OwnCurves
    version: Ints
    band: Ints
    stage: Ints
    held_out: Bools
    score_id: np.ndarray
    horizon_days: float
    versions: tuple[str, ...]
    bands: tuple[str, ...]
    stages: tuple[str, ...]

    def __len__(self) -> int:
        """Number of scores."""
        return len(self.lead)

    def take(self, rows: Ints | Bools) -> GivenScores:
        """Takes some of the scores, in their order."""
        rows = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return replace(
            self,
            lead=self.lead[rows],
            as_of=self.as_of[rows],
            probability=self.probability[rows],
            curves=self.curves.take(np.asarray(rows)),
            version=self.version[rows],
            band=self.band[rows],
            stage=self.stage[rows],
            held_out=self.held_out[rows],
            score_id=self.score_id[rows],
        )

    @property
    def log_odds(self) -> Floats:
        """(n,) log-odds of the probability."""
        with np.errstate(divide="ignore"):
            odds: Floats = np.log(self.probability) - np.log1p(-self.probability)
        return odds


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many rows of the scores do not count, and why.

    Attributes:
        rows: read.
        closed: leads that had converted, were lost or failed: without a probability.
        other_horizon: of a horizon that fewer scores have.
        unknown_leads: of leads that the history does not hold.
        later_in_week: of a lead that had a score in that week.
        not_begun: given at or after the end of what is known.
        without_curve: without a curve, and of a version whose bundle is gone.
    """

    rows: int = 0
    closed: int = 0
    other_horizon: int = 0
    unknown_leads: int = 0
    later_in_week: int = 0
    not_begun: int = 0
    without_curve: int = 0


def given_scores(
    tables: Sequence[pa.Table], history: LeadHistory, bundles: Mapping[str, Bundle], *, until: int
) -> tuple[GivenScores, LeftOut]:
    """Finds the scores that can be compared with what followed.

    Of several scores of a lead in one week the first counts: those of the next nights say nearly the same.

    Args:
        tables: of `read_scores`.
        history: that the leads are of.
        bundles: by version, those that are there.
        until: the end of what is known, microseconds UTC.

    Raises:
        ScoresError: none of the scores has a probability.
    """
    wide = [table.drop_columns(["curve"]) for table in tables]
    rows = pa.concat_tables(wide)
    target = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
    within = np.concatenate([np.arange(len(table)) for table in tables])
    known = pc.is_valid(rows["probability"]).to_numpy(zero_copy_only=False)
    if not known.any():
        raise ScoresError("The scores", fault="hold no lead with a probability since the first day read")
    horizon = rows["horizon_days"].to_numpy()
    lengths, count = np.unique(horizon[known], return_counts=True)
    horizon_days = float(lengths[np.argmax(count)])
    is_horizon = horizon == horizon_days
    found = pc.index_in(rows["lead_id"], history.lead_ids.cast(pa.string()))
    lead = pc.fill_null(found, -1).to_numpy().astype(np.int64)
    as_of = rows["as_of"].to_numpy()
    begun = as_of < until
    usable = known & is_horizon & (lead >= 0) & begun
    kept = _first_of_weeks(lead, as_of, usable)
    left = LeftOut(
        rows=len(rows),
        closed=int((~known).sum()),
        other_horizon=int((known & ~is_horizon).sum()),
        unknown_leads=int((known & is_horizon & (lead < 0)).sum()),
        not_begun=int((known & is_horizon & (lead >= 0) & ~begun).sum()),
        later_in_week=int(usable.sum()) - len(kept),
    )
    names = {name: _names(rows[name].take(pa.array(kept))) for name in ("model_version", "band", "stage")}
    version, versions = names["model_version"]
    days, probability = _curves(tables, target[kept], within[kept])
    shift = np.array([bundles[name].scorecard.level_shift if name in bundles else 0.0 for name in versions])
    scores = GivenScores(
        lead=lead[kept],
        as_of=as_of[kept],
        probability=rows["probability"].to_numpy()[kept],
        curves=OwnCurves.of_probabilities(days, probability, shift[version]),
        version=version,
        band=names["band"][0],
        stage=names["stage"][0],
        held_out=pc.fill_null(rows["held_out"], False).to_numpy(zero_copy_only=False)[kept],
        score_id=np.array(rows["score_id"].take(pa.array(kept)).to_pylist(), dtype=object),
        horizon_days=horizon_days,
        versions=versions,
        bands=names["band"][1],
        stages=names["stage"][1],
    )
    return _with_all_curves(scores, history, bundles, left)


def _first_of_weeks(lead: Ints, as_of: Ints, usable: Bools) -> Ints:
    """Finds the first usable score of each lead and week, in the order of (as_of, lead)."""
    rows = np.flatnonzero(usable)
    rows = rows[np.lexsort((lead[rows], as_of[rows]))]
    pairs = lead[rows] * (int(week_of(as_of).max(initial=0)) + 1) + week_of(as_of[rows])
    kept: Ints = rows[np.sort(np.unique(pairs, return_index=True)[1])]
    return kept


def _names(cells: pa.ChunkedArray) -> tuple[Ints, tuple[str, ...]]:
    """Numbers texts in their order; null has no name."""
    names = sorted(name for name in pc.unique(cells).to_pylist() if name is not None)
    codes = pc.fill_null(pc.index_in(cells, pa.array(names, pa.string())), NO_NAME)
    return codes.to_numpy().astype(np.int64), tuple(names)


def _curves(tables: Sequence[pa.Table], target: Ints, within: Ints) -> tuple[Floats, Floats]:
    """Reads the curves of the kept rows: (n, K) days and probabilities, NaN without a curve."""
    read = [
        (rows, *curves_of(tables[number]["curve"].take(pa.array(within[rows]))))
        for number in range(len(tables))
        if len(rows := np.flatnonzero(target == number))
    ]
    widest = max((days.shape[1] for _, days, _ in read), default=0)
    both = np.full((2, len(target), max(widest, 1)), np.nan)
    for rows, *columns in read:
        for place, column in enumerate(columns):
            if column.shape[1]:
                spread = np.minimum(np.arange(both.shape[2]), column.shape[1] - 1)
                both[place, rows] = column[:, spread]
    return both[0], both[1]


def _with_all_curves(
    scores: GivenScores, history: LeadHistory, bundles: Mapping[str, Bundle], left: LeftOut
) -> tuple[GivenScores, LeftOut]:
    """Recomputes curves that were not stored; leaves out those whose bundle is gone."""
    hazard, edges = scores.curves.hazard.copy(), scores.curves.edges_days.copy()
    for number, name in enumerate(scores.versions):
        rows = np.flatnonzero(np.isnan(hazard[:, -1]) & (scores.version == number))
        if len(rows) and name in bundles:
            made = recomputed_curves(bundles[name], history, scores.lead[rows], scores.as_of[rows])
            width = made.hazard.shape[1]
            if width > hazard.shape[1]:
                wider = np.minimum(np.arange(width), hazard.shape[1] - 1)
                hazard, edges = hazard[:, wider], edges[:, wider]
            spread = np.minimum(np.arange(hazard.shape[1]), width - 1)
            hazard[rows], edges[rows] = made.hazard[:, spread], made.edges_days[:, spread]
    complete = ~np.isnan(hazard[:, -1])
    curves = OwnCurves(edges, hazard, scores.curves.shift)
    without = int((~complete).sum())
    return replace(scores, curves=curves).take(complete), replace(left, without_curve=without)
