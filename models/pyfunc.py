"""A bundle as MLflow sees it: a table of feature values in, probabilities out.

MLflow loads a logged model by calling a module that the model names. Ours names this one, which reads the
bundle as data; nothing in the artifact is code, and no pickle is read. For scoring leads use the commands
or the service: they compute the features as well.
"""

from __future__ import annotations

from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from features.engine.matrix import FeatureMatrix
from features.history.lead_history import Floats
from features.history.text_rule import TextRule, category_text
from features.inputs.lead_inputs import number_of
from models.bundle.bundle import Bundle, read_bundle
from models.errors import FeatureCellsError, FeaturesMissingError, FeatureTwiceError
from models.scorecard.bins import FeatureBins, encode
from models.scorecard.scoring import probabilities

LOADER_MODULE: Final = "models.pyfunc"
# Of the made-up lead of the input example where a number has a single bin.
_SOME_NUMBER: Final = 1.0


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
            model_input: a column by name for each feature that the model reads: numbers, 0 or 1, or text,
                read by the text rule of the bundle. Other columns are ignored.

        Raises:
            FeaturesMissingError: a column is not there.
            FeatureCellsError: a text or time stands where a number or boolean should.
            FeatureTwiceError: a column is there twice.
        """
        bins = self.bundle.scorecard.bins
        missing = [feature.name for feature in bins if feature.name not in model_input]
        if missing:
            raise FeaturesMissingError(missing)
        return probabilities(
            self.bundle.scorecard, encode(bins, _to_matrix(bins, model_input, self.bundle.card.text_rule))
        )


def example_of(bundle: Bundle) -> pd.DataFrame:
    """Makes up two leads as input example: the middle of every bin list, and nothing known.

    Numbers are edges of bins and categories have a bin of their own, so no row of the history shows.
    """
    columns: dict[str, Any] = {}
    for feature in bundle.scorecard.bins:
        if feature.type == "category":
            known = feature.categories[0] if feature.categories else None
            columns[feature.name] = pd.Series([known, None], dtype=object)
        else:
            middle = feature.edges[len(feature.edges) // 2] if len(feature.edges) else _SOME_NUMBER
            number = 1.0 if feature.type == "boolean" else float(middle)
            columns[feature.name] = pd.Series([number, None], dtype=object)  # NaN is no JSON
    table = pd.DataFrame(columns)
    # MLflow compares the names with numbers, which pandas 3 deprecates for names of its text type.
    table.columns = table.columns.astype(object)
    return table


def _load_pyfunc(data_path: str) -> FeatureTableModel:
    """What MLflow calls with the folder of the bundle."""
    return FeatureTableModel(read_bundle(Path(data_path)))


def _to_matrix(bins: tuple[FeatureBins, ...], table: pd.DataFrame, rule: TextRule) -> FeatureMatrix:
    values = np.empty((len(bins), len(table)))
    vocabularies: dict[str, tuple[str, ...]] = {}
    for feature, row in zip(bins, values, strict=True):
        column = table[feature.name]
        if isinstance(column, pd.DataFrame):
            raise FeatureTwiceError(feature.name)
        if feature.type == "category":
            row[:], vocabularies[feature.name] = _codes(column, rule)
        else:
            row[:] = _numbers(column, feature, rule)
    return FeatureMatrix(tuple(feature.name for feature in bins), values, vocabularies)


def _numbers(column: pd.Series[Any], bins: FeatureBins, rule: TextRule) -> Floats:
    """Reads numbers or booleans as a history is read: what is infinite, or no boolean, is missing."""
    if column.dtype.kind in "mMc" or isinstance(column.dtype, pd.DatetimeTZDtype):
        raise FeatureCellsError(bins.name, found=f"cells of the type {column.dtype}", expected=bins.type)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if rule.number == 1 or not isinstance(column.dtype, np.dtypes.ObjectDType | pd.StringDtype):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        numbers = np.array([_number(cell, bins, rule) for cell in column], np.float64)
    if rule.number == 1:
        return numbers
    is_read = np.isin(numbers, (0.0, 1.0)) if bins.type == "boolean" else np.isfinite(numbers)
    return np.where(is_read, numbers, np.nan)


def _codes(column: pd.Series[Any], rule: TextRule) -> tuple[Floats, tuple[str, ...]]:
    """Gives (rows,) codes, NaN where missing, and the texts that they stand for."""
    if rule.number == 1:
        codes, cells = pd.factorize(column)
        return np.where(codes < 0, np.nan, codes), tuple(map(str, cells))
    if isinstance(column.dtype, np.dtypes.ObjectDType):
        # Cell by cell: as objects, pandas takes True, 1 and 1.0 for one value.
        texts = [None if pd.isna(cell) else category_text(cell, rule) for cell in column]
        column = pd.Series(texts, dtype=object)
    codes, cells = pd.factorize(column)
    # As an array, whose cells keep their width; an index would make each a float of 64 bits.
    texts = [category_text(cell, rule) for cell in np.asarray(cells)]
    names = tuple(dict.fromkeys(text for text in texts if text is not None))
    code_of: dict[str | None, float] = {name: float(code) for code, name in enumerate(names)}
    return np.array([*(code_of.get(text, np.nan) for text in texts), np.nan])[codes], names


def _number(cell: Any, bins: FeatureBins, rule: TextRule) -> float:
    """Reads a number or boolean among objects."""
    if isinstance(cell, bool | np.bool_ | Real | Decimal):
        return _float(cell)
    if not isinstance(cell, str):
        if cell is None or cell is pd.NA or cell is pd.NaT:
            return np.nan
        raise FeatureCellsError(bins.name, found=f"a {type(cell).__name__}", expected=bins.type)
    if cell in rule.no_numbers:
        return np.nan
    number = number_of(cell, bins.type, rule)
    if np.isnan(number):
        raise FeatureCellsError(bins.name, found="a text", expected=bins.type)
    return number


def _float(cell: Any) -> float:
    try:
        return float(cell)
    except OverflowError:
        return np.inf
