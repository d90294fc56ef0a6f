"""A trained version, ready to answer for DataFrames and histories."""

from __future__ import annotations

import math
import tempfile
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import pandas as pd

from features.output.export import export_features
from features.progress import Progress, silent
from leadodds_python.arguments import Moment, now, read_moment
from leadodds_python.frames import read_rows
from leadodds_python.history import HistoryLike, source_of
from models.bundle.bundle import Bundle, read_bundle
from models.pyfunc import FeatureTableModel
from serving.batch.result import input_record
from serving.batch.run import score_history
from serving.scoring.reasons import ReasonCount
from serving.scoring.term_curves import describe_terms


class MissingInputWarning(UserWarning):
    """An input of the model that the scored history lacks, in whole or in part."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Model:
    """A version, as its bundle holds it.

    Attributes:
        folder: of the bundle.
        bundle: scorecard, declarations of features and card: the inside that all answers come from.
    """

    folder: Path
    bundle: Bundle

    @classmethod
    def from_folder(cls, folder: Path) -> Model:
        """Reads and checks a bundle.

        Raises:
            BundleError: the folder holds no bundle, or one that was changed or is of another format.
        """
        return cls(folder.absolute(), read_bundle(folder))

    def __repr__(self) -> str:
        """Names version and horizon, without the tables."""
        return f"Model(version={self.version!r}, horizon_days={self.horizon_days:g})"

    @property
    def version(self) -> str:
        """Its number in the registry."""
        return self.bundle.version

    @property
    def horizon_days(self) -> float:
        """The main horizon: probabilities are of a conversion within so many days."""
        return self.bundle.card.horizon_days

    @property
    def card(self) -> dict[str, Any]:
        """What it was trained on, how it was judged, and its limits: the object of `card.json`."""
        return self.bundle.card.to_json()

    @property
    def curves(self) -> pd.DataFrame:
        """What each value of each feature adds, the feature that moves most first.

        Columns `feature, label, value, points, share`: points are log-odds at the main horizon against the
        average lead; share is the part of the training examples with this value, NaN where the card does not
        hold it. Pairs of features have no curve; `bundle.scorecard` has their tables.
        """
        curves: Any = describe_terms(self.bundle)["curves"]
        rows = [
            (curve["feature"], curve["label"], value, points, share)
            for curve in curves
            for value, points, share in zip(
                curve["bins"], curve["points"], curve["share"] or repeat(math.nan), strict=False
            )
        ]
        return pd.DataFrame(rows, columns=["feature", "label", "value", "points", "share"])

    def predict(self, features: pd.DataFrame) -> pd.Series[float]:
        """Computes probabilities of values of features, such as `features` gives.

        Args:
            features: (rows, features) a column for each feature that the model reads, by name; others are not
                looked at.

        Returns:
            (rows,) probability of a conversion within the main horizon, by the index of `features`.

        Raises:
            FeaturesMissingError: a column is absent.
        """
        predicted = FeatureTableModel(self.bundle).predict(features)
        return pd.Series(predicted, index=features.index, name="probability")

    def features(
        self,
        history: HistoryLike,
        *,
        as_of: Moment | None = None,
        workers: int | None = None,
        progress: Progress = silent,
    ) -> pd.DataFrame:
        """Computes the features of the version's catalogue; see `leadodds.features`."""
        return feature_rows(history, as_of=as_of, bundle=self.bundle, workers=workers, progress=progress)

    def score(
        self,
        history: HistoryLike,
        *,
        as_of: Moment | None = None,
        reasons: ReasonCount = 3,
        workers: int | None = None,
        accept_missing: Collection[str] = (),
        progress: Progress = silent,
    ) -> pd.DataFrame:
        """Scores every lead that exists at a moment; see `leadodds.score`."""
        with tempfile.TemporaryDirectory(prefix="leadodds-") as scratch:
            out = Path(scratch) / "scores.parquet"
            outcome = score_history(
                source_of(history),
                home=Path(scratch),
                out=out,
                scored_at=now(),
                as_of=read_moment(as_of, item="as_of"),
                model=str(self.folder),
                reasons=reasons,
                workers=workers,
                accept_missing=accept_missing,
                is_kept=False,
                progress=progress,
            )
            scores = read_rows(out)
        scores.attrs["failures"] = outcome.failures
        scores.attrs["inputs"] = [input_record(problem) for problem in outcome.inputs]
        scores.attrs["left_out"] = [input_record(problem) for problem in outcome.left_out]
        for problem in outcome.inputs:
            warnings.warn(str(problem), MissingInputWarning, stacklevel=2)
        return scores


def feature_rows(
    history: HistoryLike,
    *,
    as_of: Moment | None,
    bundle: Bundle | None,
    workers: int | None,
    progress: Progress,
) -> pd.DataFrame:
    """Computes the features of every lead that exists at a moment; see `leadodds.features`."""
    moment = read_moment(as_of, item="as_of")
    with tempfile.TemporaryDirectory(prefix="leadodds-") as scratch:
        out = Path(scratch) / "features.parquet"
        export_features(
            source_of(history),
            as_of=now() if moment is None else moment,
            out=out,
            feature_set=bundle.feature_set if bundle else None,
            settings=bundle.card.settings if bundle else None,
            workers=workers,
            progress=progress,
        )
        return read_rows(out)
