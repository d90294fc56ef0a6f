"""A bundle as MLflow sees it: a table of feature values in, probabilities out.

MLflow loads a logged model by calling a module that the model names. Ours names this one, which reads the
bundle as data; nothing in the artifact is code, and no pickle is read. For scoring leads use the commands
or the service: they compute the features as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from features.engine.matrix import FeatureMatrix
from features.history.lead_history import Floats
from features.history.text_rule import object_text
from models.bundle.bundle import Bundle, read_bundle
from models.errors import FeaturesMissingError
from models.scorecard.bins import FeatureBins, encode
from models.scorecard.scoring import probabilities

LOADER_MODULE: Final = "models.pyfunc"


class FeatureTableModel:
    """Answers for a table of feature values.

    Attributes:
        bundle: the model.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    def predict(self, model_input: pd.DataFrame) -> Floats:
        """Probabilities at the main horizon: (rows,).

        Args:
            model_input: a column for each feature that the model reads, by name; numbers, 0 or 1, or text;
                missing where empty. Other columns are not looked at.

        Raises:
            FeaturesMissingError: a column is not there.
        """
        bins = self.bundle.scorecard.bins
        missing = [one.name for one in bins if one.name not in model_input]
        if missing:
            raise FeaturesMissingError(missing)
        return probabilities(self.bundle.scorecard, encode(bins, _to_matrix(bins, model_input)))


def _load_pyfunc(data_path: str) -> FeatureTableModel:
    """What MLflow calls with the folder of the bundle."""
    return FeatureTableModel(read_bundle(Path(data_path)))


def _to_matrix(bins: tuple[FeatureBins, ...], table: pd.DataFrame) -> FeatureMatrix:
    values = np.empty((len(bins), len(table)))
    vocabularies: dict[str, tuple[str, ...]] = {}
    for one, row in zip(bins, values, strict=True):
        column = table[one.name]
        if one.type == "category":
            codes, names = pd.factorize(column)
            row[:] = np.where(codes < 0, np.nan, codes)
            vocabularies[one.name] = tuple(object_text(name) for name in names)
        else:
            row[:] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return FeatureMatrix(tuple(one.name for one in bins), values, vocabularies)
