"""Boosting of inputs that are small whole numbers already: the same ensemble, without searching for bins.

scikit-learn sorts every column of every fit to find its bins. Inputs here are codes, so each distinct one is
a bin: counting them takes a thirtieth of that time, which was a third of a fit. The method that is replaced
is not public; where a release has none of that name, the library bins as ever, and the ensemble is the same.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from features.history.lead_history import Floats
from models.scorecard.bins import ByteCodes

# Inputs are below it; stands for a missing one while they are counted.
_MISSING: Final = 255


class CodedBoostingClassifier(HistGradientBoostingClassifier):  # type: ignore[misc]
    """scikit-learn's classifier for inputs that are whole numbers from 0 to 254, or NaN."""

    def _bin_data(self, inputs: Floats, _weight: Floats | None, is_training_data: bool) -> ByteCodes:
        """Numbers the distinct codes of each column; arguments and results as in the library."""
        mapper = self._bin_mapper
        if is_training_data:
            mapper.missing_values_bin_idx_ = mapper.n_bins - 1
            mapper.is_categorical_ = np.asarray(
                np.zeros(inputs.shape[1]) if mapper.is_categorical is None else mapper.is_categorical,
                np.uint8,
            )
            mapper.bin_thresholds_ = [_thresholds(column) for column in inputs.T]
            for place in np.flatnonzero(mapper.is_categorical_).tolist():
                mapper.bin_thresholds_[place] = mapper.known_categories[place]
            bins = [len(each) for each in mapper.bin_thresholds_]
            mapper.n_bins_non_missing_ = (np.array(bins) + (mapper.is_categorical_ == 0)).astype(np.uint32)
        binned = np.empty(inputs.shape, dtype=np.uint8, order="F")
        for place, column in enumerate(inputs.T):
            binned[:, place] = _bins_of_codes(mapper, place)[_codes(column)]
        return binned if is_training_data else np.ascontiguousarray(binned)


def _codes(column: Floats) -> ByteCodes:
    """(n,) codes of a column, 255 where missing."""
    return np.where(np.isnan(column), _MISSING, column).astype(np.uint8)


def _thresholds(column: Floats) -> Floats:
    """Middles between the distinct codes of a column, as the library places them.

    >>> _thresholds(np.array([4.0, 1.0, np.nan, 1.0]))
    array([2.5])
    """
    present = np.flatnonzero(np.bincount(_codes(column), minlength=_MISSING + 1)[:_MISSING])
    middles: Floats = (present[1:] + present[:-1]) / 2
    return middles


def _bins_of_codes(mapper: Any, place: int) -> ByteCodes:
    """(256,) bin of each code of a column; that of `_MISSING` is the bin of missing inputs."""
    codes = np.arange(_MISSING + 1)
    bins = codes if mapper.is_categorical_[place] else np.searchsorted(mapper.bin_thresholds_[place], codes)
    return np.where(codes == _MISSING, mapper.missing_values_bin_idx_, bins).astype(np.uint8)
