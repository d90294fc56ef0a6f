"""The engine: the same bits alone, in a batch, in chunks of any size and in any company."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from features.catalog.spec import FeatureSet
from features.catalog.wording import declare
from features.engine.engine import compute_features
from features.engine.known_rows import lay_out_rows
from features.engine.lead_facts import AttributeTypeError
from features.engine.matrix import Examples, FeatureMatrix
from features.engine.plan import compile_plan
from features.history.lead_history import LeadHistory
from features.times import US_PER_DAY
from tests.support.builders import START, history, lead, touch
from tests.support.declarations import every_feature
from tests.support.strategies import CAMPAIGNS, CHANNELS, KINDS

_EVERY = every_feature()
_PLAN = compile_plan(_EVERY)


def _company(seed: int, *, leads_count: int, touches_count: int) -> LeadHistory:
    """Leads with very different numbers of interactions, some known late, a third in shared accounts."""
    random = np.random.default_rng(seed)
    ids = [f"l{number:04d}" for number in range(leads_count)]
    owners = (leads_count * random.random(touches_count) ** 3).astype(int)
    days = 90 * random.random(touches_count)
    delays = np.where(random.random(touches_count) < 0.2, 20 * random.random(touches_count), 0.0)
    accounts = random.integers(0, leads_count // 4, leads_count)
    return history(
        [
            lead(
                name,
                0,
                account_id=f"a{account}" if account % 3 == 0 else None,
                size=float(account),
                country="NL",
            )
            for name, account in zip(ids, accounts.tolist(), strict=True)
        ],
        [
            touch(
                ids[owner],
                KINDS[kind],
                day,
                available_at=day + delay,
                channel=CHANNELS[channel],
                campaign=CAMPAIGNS[channel % 2],
                value=value if value < 3 else None,
            )
            for owner, kind, day, delay, channel, value in zip(
                owners.tolist(),
                random.integers(0, len(KINDS), touches_count).tolist(),
                days.tolist(),
                delays.tolist(),
                random.integers(0, len(CHANNELS), touches_count).tolist(),
                (10 * random.random(touches_count)).tolist(),
                strict=True,
            )
        ],
    )


def _examples(seed: int, known: LeadHistory, count: int) -> Examples:
    random = np.random.default_rng(seed)
    lead_rows = random.integers(0, known.leads_count, count)
    return Examples(lead_rows, START + random.integers(0, 100 * US_PER_DAY, count))


def _bits(matrix: FeatureMatrix) -> npt.NDArray[np.int64]:
    return matrix.values.view(np.int64)


def test_compute_features__same_bits_alone_as_in_a_batch() -> None:
    known = _company(1, leads_count=300, touches_count=6_000)
    examples = _examples(2, known, 2_000)

    together = _bits(compute_features(_PLAN, known, examples))

    for place in range(len(examples.lead)):
        single = Examples(examples.lead[place : place + 1], examples.as_of[place : place + 1])
        alone = _bits(compute_features(_PLAN, known, single))
        np.testing.assert_array_equal(alone[:, 0], together[:, place])


@pytest.mark.parametrize("chunk_rows", [1, 100, 5_000])
def test_compute_features__chunks_change_no_bit(chunk_rows: int) -> None:
    known = _company(3, leads_count=60, touches_count=900)
    examples = _examples(4, known, 300)

    whole = compute_features(_PLAN, known, examples)
    cut = compute_features(_PLAN, known, examples, chunk_rows=chunk_rows)

    np.testing.assert_array_equal(_bits(cut), _bits(whole))


def test_compute_features__other_features_change_no_bit() -> None:
    known = _company(5, leads_count=60, touches_count=900)
    examples = _examples(6, known, 200)
    together = compute_features(_PLAN, known, examples)

    for place in range(0, len(_EVERY.features), 7):
        own = FeatureSet(_EVERY.features[place : place + 1])
        alone = compute_features(compile_plan(own), known, examples)

        np.testing.assert_array_equal(_bits(alone)[0], _bits(together)[place], err_msg=own.names[0])


def test_compute_features__order_of_examples_changes_no_bit() -> None:
    known = _company(7, leads_count=60, touches_count=900)
    examples = _examples(8, known, 300)
    order = np.random.default_rng(9).permutation(300)

    straight = compute_features(_PLAN, known, examples)
    mixed = compute_features(_PLAN, known, Examples(examples.lead[order], examples.as_of[order]))

    np.testing.assert_array_equal(_bits(mixed), _bits(straight)[:, order])


def test_compile_plan__can_be_sent_to_another_process() -> None:
    known = _company(10, leads_count=20, touches_count=200)
    examples = _examples(11, known, 20)
    sent = pickle.loads(pickle.dumps(_PLAN))

    np.testing.assert_array_equal(
        _bits(compute_features(sent, known, examples)), _bits(compute_features(_PLAN, known, examples))
    )


def test_compute_features__no_examples() -> None:
    known = history(["a"], [touch("a", "chat", 1)])

    matrix = compute_features(_PLAN, known, Examples(np.empty(0, np.int64), np.empty(0, np.int64)))

    assert matrix.values.shape == (len(_EVERY.features), 0)


def test_compute_features__lead_without_interactions() -> None:
    features = FeatureSet(
        (declare("count"), declare("days_since_last"), declare("share", direction="inbound"))
    )

    matrix = compute_features(compile_plan(features), history(["a"]), _one(START))

    np.testing.assert_array_equal(matrix.values[:, 0], [0, np.nan, np.nan])


def test_compute_features__account_that_is_not_there_is_missing() -> None:
    known = history([lead("a", account_id="x"), lead("b", account_id=None)], [touch("a", "chat", 1)])
    features = FeatureSet((declare("count", scope="account"), declare("last_channel", scope="account")))
    examples = Examples(np.array([0, 1]), np.full(2, START + 2 * US_PER_DAY))

    matrix = compute_features(compile_plan(features), known, examples)

    np.testing.assert_array_equal(matrix.values, [[1, np.nan], [np.nan, np.nan]])


def test_compute_features__account_beyond_its_limit_is_missing_from_then_on() -> None:
    leads = [lead("a", account_id="x"), lead("b", account_id="x"), lead("c", account_id="y"), lead("d")]
    known = history(leads, [touch("a", "chat", 1), touch("b", "chat", 2), touch("a", "chat", 3)])
    features = FeatureSet(
        tuple(
            declare("count", scope="account", account_limit=limit, name=f"count_{limit}")
            for limit in (None, 2, 3)
        )
    )
    days = np.array([0, 2, 3, 3, 3, 3])
    examples = Examples(np.array([0, 0, 0, 1, 2, 3]), START + days * US_PER_DAY)

    matrix = compute_features(compile_plan(features), known, examples)
    alone = [
        compute_features(compile_plan(features), known, Examples(examples.lead[[i]], examples.as_of[[i]]))
        for i in range(len(days))
    ]

    nan = np.nan
    expected = [[0, 2, 3, 3, 0, nan], [0, 2, nan, nan, 0, nan], [0, 2, 3, 3, 0, nan]]
    np.testing.assert_array_equal(matrix.values, expected)
    np.testing.assert_array_equal(np.column_stack([each.values[:, 0] for each in alone]), expected)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_compute_features__a_sum_beyond_the_range_of_a_double_is_the_greatest_double(sign: float) -> None:
    made = history([lead("a")], [touch("a", "page_view", day, value=sign * 1.7e308) for day in (1, 2)])
    plan = compile_plan(FeatureSet((declare("value_sum"), declare("value_mean"), declare("value_last"))))

    matrix = compute_features(plan, made, _one(START + 9 * US_PER_DAY))

    greatest = float(np.finfo(np.float64).max)
    # The sum of both would be 3.4e308; their mean is taken of the limited sum.
    assert matrix.values[:, 0].tolist() == [sign * greatest, sign * greatest / 2, sign * 1.7e308]


def test_compute_features__history_without_accounts_has_no_account_features() -> None:
    features = FeatureSet((declare("count", scope="account"), declare("count")))

    matrix = compute_features(compile_plan(features), history(["a"], [touch("a", "chat", 0)]), _one(START))

    np.testing.assert_array_equal(matrix.values[:, 0], [np.nan, 1])


def test_compute_features__attribute_that_is_not_there_is_missing() -> None:
    features = FeatureSet((declare("attribute", attribute="budget", type="category"),))

    matrix = compute_features(compile_plan(features), history(["a"]), _one(START))

    assert np.isnan(matrix.values).all()
    assert matrix.vocabularies == {"budget": ()}


def test_compute_features__text_where_numbers_were_learnt_is_refused() -> None:
    features = FeatureSet((declare("attribute", attribute="budget"),))
    known = history([lead("a", budget="high")])

    with pytest.raises(AttributeTypeError, match="The attribute budget is a category here"):
        compute_features(compile_plan(features), known, _one(START))


def test_compute_features__matrix_is_ordered_by_feature() -> None:
    matrix = compute_features(_PLAN, history(["a"], [touch("a", "chat", 0)]), _one(START))

    assert matrix.values.flags.c_contiguous
    assert matrix.names == _EVERY.names
    np.testing.assert_array_equal(matrix.column(matrix.names[3]), matrix.values[3])


def test_compute_features__calendar_across_summer_time_and_leap_day() -> None:
    parts = ("as_of_hour", "as_of_weekday", "as_of_day", "as_of_month")
    features = FeatureSet(tuple(declare("calendar", part=part) for part in parts))
    # 2028-02-29 is a Tuesday: two years of 365 days, 31 days of January and 28 of February after START.
    leap_day = START + 789 * US_PER_DAY

    matrix = compute_features(compile_plan(features), history(["a"]), _one(leap_day))

    assert matrix.values[:, 0].tolist() == [0, 2, 29, 2]


def _one(as_of: int) -> Examples:
    return Examples(np.array([0]), np.array([as_of]))


@pytest.mark.parametrize("chunk_rows", [1, 50, 131_072])
def test_compute_features__leads_of_one_account_get_the_bits_they_get_alone(chunk_rows: int) -> None:
    known = _company(5, leads_count=40, touches_count=400)
    leads = np.tile(np.arange(known.leads_count), 2)
    moments = START + US_PER_DAY * np.repeat([30, 80], known.leads_count)
    examples = Examples(leads, moments)

    together = compute_features(_PLAN, known, examples, chunk_rows=chunk_rows)

    alone = [
        compute_features(_PLAN, known, Examples(leads[i : i + 1], moments[i : i + 1])) for i in range(80)
    ]
    assert (_bits(together) == np.column_stack([_bits(matrix) for matrix in alone])).all()


def test_compute_features__computes_the_rows_of_an_account_once(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 300
    known = history(
        [lead(f"l{i}", 0, account_id="unknown") for i in range(count)],
        [touch(f"l{i}", "chat", 1 + i % 7) for i in range(count)],
    )
    laid_out: list[int] = []

    def counted(*arguments: Any, counts: npt.NDArray[np.int64], **options: Any) -> Any:
        laid_out.append(int(counts.sum()))
        return lay_out_rows(*arguments, counts=counts, **options)

    monkeypatch.setattr("features.engine.engine.lay_out_rows", counted)
    features = FeatureSet((declare("count", scope="account"), declare("count")))

    matrix = compute_features(compile_plan(features), known, _at_once(count))

    assert matrix.values.tolist() == [[count] * count, [1] * count]
    # Each row once for its lead and once for the account, not once for each lead of the account.
    assert sum(laid_out) == 2 * count


def _at_once(count: int) -> Examples:
    return Examples(np.arange(count), np.full(count, START + 30 * US_PER_DAY))
