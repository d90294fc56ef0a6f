"""Boosting of inputs that are small whole numbers already: the same ensemble, without searching for bins.

scikit-learn sorts every column of every fit to find its bins. Inputs here are codes, so each distinct one is
a bin: counting them takes a thirtieth of that time, which was a third of a fit. A pipeline of transformers
that numbers the categories took another seventh of it, copying everything several times. The methods that are
replaced are not public; where a release has none of these names, the library does both as ever, and the
ensemble is the same.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from features.history.lead_history import Floats, Ints
from models.scorecard.bins import ByteCodes

# Inputs are below it; stands for a missing one while they are counted.
_MISSING: Final = 255


class CodedBoostingClassifier(HistGradientBoostingClassifier):  # type: ignore[misc]
    """scikit-learn's classifier for inputs that are whole numbers from 0 to 254, or NaN."""

    def _preprocess_X(self, inputs: Floats, *, reset: bool) -> Any:  # noqa: N802 - the library's name
        """Puts the categories first and numbers those of the fit; arguments and results as in the library."""
        if reset:
            is_category = np.zeros(inputs.shape[1], dtype=np.bool_)
            is_category[self.categorical_features] = True
            self.n_features_in_ = len(is_category)
            self._is_categorical_remapped = np.sort(is_category)[::-1] if is_category.any() else None
            self.is_categorical_ = is_category if is_category.any() else None
            # The library reads nothing else of it.
            self._preprocessor = None
            columns = inputs.T[is_category]
            self._category_numbers = [_numbers_of_categories(column) for column in columns]
        if self.is_categorical_ is None:
            return (inputs, None) if reset else inputs
        place_of = np.argsort(~self.is_categorical_, kind="stable")
        # In the order of memory: by column in a fit, by row for a prediction.
        by_column = inputs.flags.f_contiguous
        prepared = inputs.T[place_of].T if by_column else inputs[:, place_of]
        for place, numbers in enumerate(self._category_numbers):
            prepared[:, place] = numbers[_codes(prepared[:, place])]
        if not reset:
            return prepared
        counts = [np.count_nonzero(~np.isnan(numbers)) for numbers in self._category_numbers]
        known = [np.arange(count, dtype=np.float64) for count in counts]
        return prepared, [*known, *[None] * (inputs.shape[1] - len(known))]

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


def _present(column: Floats) -> Ints:
    """The distinct codes of a column, rising."""
    return np.flatnonzero(np.bincount(_codes(column), minlength=_MISSING + 1)[:_MISSING])


def _numbers_of_categories(column: Floats) -> Floats:
    """(256,) number of each code among those of a column, NaN where it is not among them.

    >>> _numbers_of_categories(np.array([4.0, 1.0, 1.0]))[:6]
    array([nan,  0., nan, nan,  1., nan])
    """
    present = _present(column)
    numbers = np.full(_MISSING + 1, np.nan)
    numbers[present] = np.arange(len(present))
    return numbers


def _thresholds(column: Floats) -> Floats:
    """Middles between the distinct codes of a column, as the library places them.

    >>> _thresholds(np.array([4.0, 1.0, np.nan, 1.0]))
    array([2.5])
    """
    present = _present(column)
    middles: Floats = (present[1:] + present[:-1]) / 2
    return middles


def _bins_of_codes(mapper: Any, place: int) -> ByteCodes:
    """(256,) bin of each code of a column; that of `_MISSING` is the bin of missing inputs."""
    codes = np.arange(_MISSING + 1)
    bins = codes if mapper.is_categorical_[place] else np.searchsorted(mapper.bin_thresholds_[place], codes)
    return np.where(codes == _MISSING, mapper.missing_values_bin_idx_, bins).astype(np.uint8)
