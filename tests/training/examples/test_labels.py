from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.engine.matrix import Examples
from features.times import NEVER_US
from tests.support.builders import at, history, lead, lost, reopened, won
from tests.support.lead_fates import DAY, fate, history_of
from training.examples.labels import (
    Labels,
    TooFewConversionsError,
    bin_rows,
    choose_time_edges,
    converted_within,
    is_mature,
    label_examples,
    reporting_delay,
)

EDGES = (0, 1, 3)


def labels_of(*pairs: tuple[int, int]) -> Labels:
    """Labels from (time to conversion, observed) in microseconds."""
    times, observed = zip(*pairs, strict=True)
    return Labels(np.array(times, dtype=np.int64), np.array(observed, dtype=np.int64))


def rows_of(labels: Labels, edges: tuple[float, ...] = EDGES) -> list[tuple[int, int, bool]]:
    example, time_bin, converted = bin_rows(labels, edges)
    return list(zip(example.tolist(), time_bin.tolist(), converted.tolist(), strict=True))


@pytest.mark.parametrize(
    ("time_to_conversion", "expected"),
    [
        # A conversion at or before as_of leaves nothing to predict.
        (-1, []),
        (0, []),
        # Bin 0 is (0, 1] days.
        (1, [(0, 0, True)]),
        (1 * DAY - 1, [(0, 0, True)]),
        (1 * DAY, [(0, 0, True)]),
        # Bin 1 is (1, 3] days.
        (1 * DAY + 1, [(0, 0, False), (0, 1, True)]),
        (3 * DAY - 1, [(0, 0, False), (0, 1, True)]),
        (3 * DAY, [(0, 0, False), (0, 1, True)]),
        # Beyond the last edge.
        (3 * DAY + 1, [(0, 0, False), (0, 1, False)]),
        (NEVER_US, [(0, 0, False), (0, 1, False)]),
    ],
)
def test_bin_rows__conversion_around_an_edge(
    time_to_conversion: int, expected: list[tuple[int, int, bool]]
) -> None:
    labels = labels_of((time_to_conversion, 10 * DAY))

    assert rows_of(labels) == expected


@pytest.mark.parametrize(
    ("observed", "bins"),
    [
        (-DAY, []),
        (0, []),
        (1 * DAY - 1, []),
        (1 * DAY, [0]),
        (1 * DAY + 1, [0]),
        (3 * DAY - 1, [0]),
        (3 * DAY, [0, 1]),
        (3 * DAY + 1, [0, 1]),
    ],
)
def test_bin_rows__calendar_around_an_edge(observed: int, bins: list[int]) -> None:
    labels = labels_of((NEVER_US, observed))

    assert rows_of(labels) == [(0, time_bin, False) for time_bin in bins]


def test_bin_rows__a_conversion_seen_in_an_unfinished_bin_does_not_count() -> None:
    # Converted after half a day and known, but the calendar has passed 0.9 days only.
    labels = labels_of((DAY // 2, DAY * 9 // 10))

    assert rows_of(labels) == []


def test_bin_rows__orders_rows_by_example_then_bin() -> None:
    labels = labels_of((NEVER_US, 3 * DAY), (2 * DAY, 5 * DAY), (DAY, 0), (DAY, DAY))

    expected = [(0, 0, False), (0, 1, False), (1, 0, False), (1, 1, True), (3, 0, True)]
    assert rows_of(labels) == expected


times = st.one_of(st.just(NEVER_US), st.integers(-2, 12))


@given(st.lists(st.tuples(times, st.integers(-2, 12)), min_size=1, max_size=8))
def test_bin_rows__equals_the_rule_written_out(pairs: list[tuple[int, int]]) -> None:
    edges_us = (0, 1, 4, 5, 9)
    edges_days = tuple(edge / DAY for edge in edges_us)
    labels = labels_of(*pairs)

    expected = [
        (example, k, time <= edges_us[k + 1])
        for example, (time, observed) in enumerate(pairs)
        for k in range(len(edges_us) - 1)
        if time > edges_us[k] and observed >= edges_us[k + 1]
    ]
    assert rows_of(labels, edges_days) == expected


def test_label_examples__a_lost_lead_stays_at_risk_until_observed_until() -> None:
    history = history_of([fate(0, lost_at=DAY // 2)], observed_until=10 * DAY)
    examples = Examples(np.array([0]), np.array([0]))

    labels = label_examples(history, examples, observed_until=10 * DAY)

    assert labels.time_to_conversion_us.tolist() == [NEVER_US]
    assert labels.observed_us.tolist() == [10 * DAY]
    assert rows_of(labels) == [(0, 0, False), (0, 1, False)]


@pytest.mark.parametrize(("late_us", "counts"), [(-1, True), (0, True), (1, False)])
def test_label_examples__only_outcomes_known_at_the_origin_count(late_us: int, counts: bool) -> None:
    origin = 10 * DAY
    history = history_of([fate(0, converted_at=2 * DAY, known_at=origin + late_us)], observed_until=20 * DAY)
    examples = Examples(np.array([0]), np.array([DAY]))

    labels = label_examples(history, examples, observed_until=origin)

    assert labels.time_to_conversion_us.tolist() == [DAY if counts else NEVER_US]


def test_label_examples__a_conversion_before_as_of_that_was_not_yet_known_has_no_rows() -> None:
    history = history_of([fate(0, converted_at=2 * DAY, known_at=5 * DAY)], observed_until=20 * DAY)
    examples = Examples(np.array([0, 0]), np.array([2 * DAY - 1, 2 * DAY]))

    labels = label_examples(history, examples, observed_until=20 * DAY)

    assert labels.had_converted.tolist() == [False, True]
    assert rows_of(labels) == [(0, 0, True)]
    assert converted_within(labels, 3)[0] == 1
    assert np.isnan(converted_within(labels, 3)[1])


def test_label_examples__a_reopened_lead_converts_again() -> None:
    # Won on day 2, reopened on day 4, won again on day 9.
    made = history([lead("a", 0)], outcomes=[won("a", 2), reopened("a", 4), won("a", 9)], observed_until=30)
    examples = Examples(np.zeros(4, np.int64), np.array([at(1), at(4), at(5), at(10)]))

    labels = label_examples(made, examples, observed_until=at(30))

    days = [1, 5, 4]
    assert labels.time_to_conversion_us.tolist() == [*(day * DAY for day in days), NEVER_US]


def test_label_examples__a_conversion_that_was_corrected_away_never_happened() -> None:
    rows = [won("a", 2, outcome_id="7"), lost("a", 2, outcome_id="7", available_at=6)]
    made = history([lead("a", 0)], outcomes=rows, observed_until=30)
    examples = Examples(np.zeros(1, np.int64), np.array([at(1)]))

    known = [
        label_examples(made, examples, observed_until=at(day)).time_to_conversion_us.tolist()
        for day in (2, 5.999, 6)
    ]

    assert known == [[DAY], [DAY], [NEVER_US]]


def test_label_examples__before_1970() -> None:
    history = history_of([fate(-9 * DAY), fate(-9 * DAY, converted_at=-6 * DAY)], observed_until=0)
    examples = Examples(np.array([0, 1]), np.array([-8 * DAY, -8 * DAY]))

    labels = label_examples(history, examples, observed_until=0)

    assert labels.time_to_conversion_us.tolist() == [NEVER_US, 2 * DAY]
    assert labels.observed_us.tolist() == [8 * DAY, 8 * DAY]


def test_reporting_delay__shortens_what_counts_as_observed() -> None:
    fates = [fate(0, converted_at=DAY, known_at=DAY + hours * DAY // 24) for hours in range(100)]
    history = history_of(fates, observed_until=20 * DAY, has_available_at=True)
    examples = Examples(np.array([0]), np.array([0]))

    delay = reporting_delay(history, observed_until=20 * DAY)
    labels = label_examples(history, examples, observed_until=20 * DAY)

    # Delays are 0 to 99 hours; 99 % of them are at most 99 hours.
    assert delay == 99 * DAY // 24
    assert labels.observed_us.tolist() == [20 * DAY - delay]


def test_reporting_delay__uses_only_what_was_known_at_the_origin() -> None:
    fates = [fate(0, converted_at=DAY, known_at=2 * DAY), fate(0, converted_at=DAY, known_at=9 * DAY)]
    history = history_of(fates, observed_until=20 * DAY, has_available_at=True)

    assert reporting_delay(history, observed_until=5 * DAY) == DAY
    assert reporting_delay(history, observed_until=20 * DAY) == 8 * DAY


def test_reporting_delay__is_zero_where_the_table_does_not_tell() -> None:
    history = history_of([fate(0, converted_at=DAY, known_at=2 * DAY)], observed_until=5 * DAY)

    assert reporting_delay(history, observed_until=5 * DAY) == 0


@pytest.mark.parametrize(("observed", "mature"), [(7 * DAY - 1, False), (7 * DAY, True), (7 * DAY + 1, True)])
def test_is_mature__decided_by_the_calendar_alone(observed: int, mature: bool) -> None:
    labels = labels_of((DAY, observed), (NEVER_US, observed))

    converted = converted_within(labels, 7)

    assert is_mature(labels, 7).tolist() == [mature, mature]
    # The one who converted after a day is not final either while the horizon runs.
    assert converted.tolist() == [1.0, 0.0] if mature else np.isnan(converted).all()


@pytest.mark.parametrize(("time", "expected"), [(1, 1), (7 * DAY - 1, 1), (7 * DAY, 1), (7 * DAY + 1, 0)])
def test_converted_within__is_right_closed(time: int, expected: int) -> None:
    assert converted_within(labels_of((time, 9 * DAY)), 7).tolist() == [expected]


def test_choose_time_edges__last_bin_needs_enough_different_leads() -> None:
    # Three leads convert in bin 0; in bin 1 one lead converts, seen from three examples.
    labels = labels_of(*[(DAY, 9 * DAY)] * 3, *[(2 * DAY, 9 * DAY)] * 3)
    lead = np.array([0, 1, 2, 3, 3, 3])

    assert choose_time_edges(labels, lead, edges_days=EDGES, min_conversions=3) == (0, 1)
    assert choose_time_edges(labels, lead, edges_days=EDGES, min_conversions=1) == (0, 1, 3)


def test_choose_time_edges__one_bin_where_no_bin_has_enough() -> None:
    labels = labels_of((DAY, 9 * DAY), (DAY, 9 * DAY), (2 * DAY, 9 * DAY))

    assert choose_time_edges(labels, np.arange(3), edges_days=EDGES, min_conversions=3) == (0, 3)


def test_choose_time_edges__refuses_too_few_conversions() -> None:
    labels = labels_of((DAY, 9 * DAY), (NEVER_US, 9 * DAY))

    with pytest.raises(TooFewConversionsError, match="Only 1 leads convert within 3 days"):
        choose_time_edges(labels, np.arange(2), edges_days=EDGES, min_conversions=2)
