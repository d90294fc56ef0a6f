"""Labels of examples, in time bins: the one place that decides what counts as converted and when it is final.

Times are microseconds from `as_of`; every interval is left-open and right-closed. The calendar alone decides
whether a time bin counts as observed, never its outcome: accepting a bin because its conversion already
happened would select by outcome. A lost lead stays at risk, not converting, so the label estimates the share
of all leads that convert (the cumulative incidence).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from features.engine.matrix import Examples
from features.errors import LeadOddsError
from features.history.known import count_known, counting_conversions, survivor_known, taken_over
from features.history.lead_history import Bools, Floats, Ints, LeadHistory
from features.history.outcomes import lead_of_rows
from features.times import NEVER_US, US_PER_DAY

# Part of the conversions that must have become known before a time bin counts as observed.
REPORTED_SHARE: Final = 0.99
_EVER: Final = np.iinfo(np.int64).min


class TooFewConversionsError(LeadOddsError):
    """No time bin has enough conversions to fit."""

    def __init__(self, *, found: int, needed: int, longest_days: float) -> None:
        super().__init__(
            f"Only {found} leads convert within {longest_days:g} days of an example, "
            f"and {needed} are needed. Give a longer history, or set min_conversions_per_bin lower."
        )


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known at `observed_until` of what followed each example.

    Attributes:
        time_to_conversion_us: (n,) NEVER_US where no conversion was known (open or lost); zero or less where
            the conversion had happened before `as_of` and was not yet known.
        observed_us: (n,) time after `as_of` up to which outcomes are complete; may be negative.
    """

    time_to_conversion_us: Ints
    observed_us: Ints

    def take(self, positions: Ints | Bools) -> Labels:
        """Takes the labels of some of the examples."""
        return Labels(self.time_to_conversion_us[positions], self.observed_us[positions])

    @property
    def had_converted(self) -> Bools:
        """(n,) whether the conversion had happened by `as_of`, unknown then: nothing is left to predict."""
        return self.time_to_conversion_us <= 0


def label_examples(history: LeadHistory, examples: Examples, *, observed_until: int) -> Labels:
    """Labels examples with the outcomes known at `observed_until`, and no others.

    Args:
        history: may know more than was known at `observed_until`.
        examples: at any `as_of`; those after `observed_until` get a negative `observed_us`.
        observed_until: microseconds UTC; an origin of the past, or that of the history.
    """
    converted_at = _next_conversion(history, examples, observed_until=observed_until)
    # Of a lead that became an alias since, its survivor tells the rest; before the link nothing of that was
    # known of it.
    survivor = survivor_known(history, examples.lead, observed_until)
    if len(joined := np.flatnonzero(survivor != examples.lead)):
        of_survivors = Examples(survivor[joined], np.full(len(joined), _EVER))
        later = _next_conversion(history, of_survivors, observed_until=observed_until)
        converted_at[joined] = np.minimum(converted_at[joined], later)
    # Moments before 1970 subtracted from NEVER_US would overflow, so open leads get it afterwards.
    is_converted = converted_at < NEVER_US
    time_to_conversion = np.where(
        is_converted, np.where(is_converted, converted_at, 0) - examples.as_of, NEVER_US
    )
    complete_until = observed_until - reporting_delay(history, observed_until=observed_until)
    return Labels(time_to_conversion, complete_until - examples.as_of)


def _next_conversion(history: LeadHistory, examples: Examples, *, observed_until: int) -> Ints:
    """Finds when each example's lead converted first, of the conversions not yet known at its `as_of`.

    A conversion that was known at `as_of` is past: the lead was reopened since, else it would be no example.

    Returns:
        (n,) microseconds UTC; NEVER_US where none is known at `observed_until`.
    """
    outcomes = history.outcomes
    rows = np.flatnonzero(counting_conversions(outcomes, observed_until))
    lead = lead_of_rows(outcomes)[rows]
    starts = np.searchsorted(lead, np.arange(history.leads_count + 1))
    known = count_known(
        outcomes.available_at[rows], starts[examples.lead], starts[examples.lead + 1], examples.as_of
    )
    first = starts[examples.lead] + known
    earliest = np.append(_earliest_from(lead, outcomes.occurred_at[rows]), NEVER_US)
    return np.where(first < starts[examples.lead + 1], earliest[first], NEVER_US)


def _earliest_from(lead: Ints, occurred_at: Ints) -> Ints:
    """Finds the earliest moment among each row and the later rows of its lead; rows are sorted by lead."""
    order = np.argsort(occurred_at, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    # Taken backwards the leads fall, so that ranks below those of all earlier leads start each one anew.
    lowered = rank + lead * len(order)
    lowest = np.minimum.accumulate(lowered[::-1])[::-1] - lead * len(order)
    return occurred_at[order[lowest]]


def reporting_delay(history: LeadHistory, *, observed_until: int) -> int:
    """Computes the delay after which 99 % of the conversions known at `observed_until` had become known.

    A conversion that a lead took over from an alias was reported when the alias had it, not at the link.

    Returns:
        Microseconds; zero where the history does not record when outcomes became known.
    """
    outcomes = history.outcomes
    counts = counting_conversions(outcomes, observed_until) & ~taken_over(history)
    if not outcomes.has_available_at or not counts.any():
        return 0
    delays = outcomes.available_at[counts] - outcomes.occurred_at[counts]
    return int(np.quantile(delays, REPORTED_SHARE, method="higher"))


def edges_us(edges_days: Sequence[float] | Floats) -> Ints:
    """Turns edges in days into whole microseconds."""
    return np.rint(np.asarray(edges_days, dtype=np.float64) * US_PER_DAY).astype(np.int64)


def bin_rows(labels: Labels, time_edges_days: Sequence[float] | Floats) -> tuple[Ints, Ints, Bools]:
    """Lists the (example, time bin) rows that a hazard is fitted on.

    Row (example, k) is listed where the lead had not converted by edge k and the calendar has passed edge
    k + 1; it is positive where the conversion came by edge k + 1.

    Args:
        labels: of n examples.
        time_edges_days: (K + 1,) rising from 0.

    Returns:
        (rows,) example, (rows,) time bin, (rows,) converted in it; in the order of (example, time bin).
    """
    edges = edges_us(time_edges_days)
    observed_bins = np.searchsorted(edges[1:], labels.observed_us, side="right")
    # Bins that the lead enters unconverted: those with an edge below the time to conversion.
    entered_bins = np.searchsorted(edges[:-1], labels.time_to_conversion_us, side="left")
    counts = np.minimum(observed_bins, entered_bins)
    example = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    time_bin = np.arange(len(example), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
    return example, time_bin, labels.time_to_conversion_us[example] <= edges[1:][time_bin]


def is_mature(labels: Labels, horizon_days: float) -> Bools:
    """(n,) whether the whole horizon lies before `observed_until`, whatever the outcome."""
    return np.asarray(labels.observed_us >= edges_us([horizon_days])[0])


def converted_within(labels: Labels, horizon_days: float) -> Floats:
    """Labels the examples that converted in `(as_of, as_of + horizon]`.

    Returns:
        (n,) 1 or 0; NaN while the horizon is not observed, even where the lead has converted, and where the
        conversion had happened by `as_of`.
    """
    converted = labels.time_to_conversion_us <= edges_us([horizon_days])[0]
    is_final = is_mature(labels, horizon_days) & ~labels.had_converted
    return np.where(is_final, converted.astype(np.float64), np.nan)


def choose_time_edges(
    labels: Labels, lead: Ints, *, edges_days: Sequence[float], min_conversions: int
) -> tuple[float, ...]:
    """Keeps the time edges as far out as the labels support.

    The last edge is the largest whose bin has `min_conversions` different leads converting in it. Where no
    bin has them, one bin takes the place of all: the longest that has them.

    Args:
        labels: of n examples.
        lead: (n,) row of each example's lead: many examples of one lead hold one conversion.
        edges_days: (K + 1,) rising from 0.
        min_conversions: leads.

    Raises:
        TooFewConversionsError: not even one bin over the whole time has enough.
    """
    example, time_bin, converted = bin_rows(labels, edges_days)
    for last in range(len(edges_days) - 1, 0, -1):
        if len(np.unique(lead[example[converted & (time_bin == last - 1)]])) >= min_conversions:
            return tuple(edges_days[: last + 1])
    found = 0
    for last_edge in reversed(edges_days[1:]):
        example, _, converted = bin_rows(labels, (0, last_edge))
        leads_count = len(np.unique(lead[example[converted]]))
        if leads_count >= min_conversions:
            return (0, last_edge)
        found = max(found, leads_count)
    raise TooFewConversionsError(found=found, needed=min_conversions, longest_days=edges_days[-1])


def reached_edges(
    labels: Labels, lead: Ints, *, edges_days: Sequence[float], min_conversions: int, horizon_days: float
) -> tuple[float, ...] | None:
    """Keeps the time edges that the labels support; None where they end below the main horizon.

    Arguments as for `choose_time_edges`, and the horizon.
    """
    try:
        edges = choose_time_edges(labels, lead, edges_days=edges_days, min_conversions=min_conversions)
    except TooFewConversionsError:
        return None
    return edges if edges[-1] >= horizon_days else None
