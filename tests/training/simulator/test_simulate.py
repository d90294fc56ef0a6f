from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.times import US_PER_DAY, format_time
from training.simulator import simulate
from training.simulator.arrivals import STARTING_ACTIVE, Arrivals, draw_arrivals
from training.simulator.interaction_kinds import CODES, ENGAGEMENT, ENGAGEMENT_RATES, KINDS, known_share
from training.simulator.interactions import SimulatedInteractions, draw_interactions
from training.simulator.journeys import Journeys, simulate_journeys
from training.simulator.oracle import HORIZONS_DAYS, true_probabilities
from training.simulator.outcomes import LOST_DELAY_HOURS, WON_DELAY_HOURS, JourneyEnds, draw_ends
from training.simulator.simulate import (
    SimulationError,
    SimulationNotWrittenError,
    draw_chunk,
    simulate_company,
)
from training.simulator.summary import FILES, measure_skill
from training.simulator.tables import MAIN_HORIZON_DAYS
from training.simulator.world import (
    DAYS,
    DEPTHS,
    END_US,
    LOST,
    START_US,
    UNSUBSCRIBE_SHARE,
    WON,
    transitions,
    weekday_pace,
)

World = tuple[Arrivals, Journeys, JourneyEnds, SimulatedInteractions]
STATES = 2 * DEPTHS + 2


@pytest.fixture(scope="module")
def world() -> World:
    return _make_world(leads_count=3_000, seed=11)


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return draw_chunk(0, leads_count=2_000, seed=7)


def _make_world(*, leads_count: int, seed: int) -> World:
    rng = np.random.default_rng(seed)
    arrivals = draw_arrivals(rng, leads_count)
    journeys = simulate_journeys(rng, arrivals)
    ends = draw_ends(rng, arrivals, journeys)
    return arrivals, journeys, ends, draw_interactions(rng, arrivals, journeys, ends)


def test_simulate_company__same_seed_gives_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for folder, seed in (("first", 7), ("again", 7), ("other", 8)):
        simulate_company(tmp_path / folder, leads_count=300, seed=seed)

    for file in FILES.values():
        first = (tmp_path / "first" / file).read_bytes()
        assert (tmp_path / "again" / file).read_bytes() == first
        assert (tmp_path / "other" / file).read_bytes() != first


def test_simulate_company__a_chunk_does_not_depend_on_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulate, "CHUNK_LEADS", 200)
    shares: list[float] = []

    simulate_company(tmp_path, leads_count=500, seed=7, progress=lambda _, done: shares.append(done))

    written = pq.read_table(tmp_path / FILES["interactions"])
    alone = pa.concat_tables(
        draw_chunk(chunk, leads_count=count, seed=7)["interactions"]
        for chunk, count in enumerate((200, 200, 100))
    )
    assert written.equals(alone)
    assert shares == [0.4, 0.8, 1.0]
    assert sorted(path.name for path in tmp_path.rglob("*.part")) == []


def test_simulate_company__summary_counts_what_was_written(tmp_path: Path) -> None:
    made = simulate_company(tmp_path, leads_count=400, seed=7)

    outcomes = pq.read_table(tmp_path / "history" / "outcomes.parquet")["outcome"].to_pylist()
    truth = pq.read_table(made.truth)["probability"].to_numpy()
    assert (made.leads, made.observed_until) == (400, format_time(END_US))
    assert (made.converted, made.lost) == (outcomes.count("converted"), outcomes.count("lost"))
    assert made.open == 400 - len(outcomes) == len(truth)
    assert made.base_rate == truth.mean()
    assert made.summary()["oracle_skill"] == measure_skill(truth, truth)


@pytest.mark.parametrize(("seed", "is_open"), [(0, False), (1, True)])
def test_simulate_company__one_lead_is_a_company(tmp_path: Path, seed: int, is_open: bool) -> None:
    made = simulate_company(tmp_path, leads_count=1, seed=seed)

    assert made.leads == made.converted + made.lost + made.open == 1
    assert bool(made.open) is is_open
    assert (made.summary()["base_rate"] is not None) is is_open


@pytest.mark.parametrize(("leads_count", "seed", "option"), [(0, 7, "--leads is 0"), (5, -1, "--seed is -1")])
def test_simulate_company__refuses_numbers_too_small(
    tmp_path: Path, leads_count: int, seed: int, option: str
) -> None:
    with pytest.raises(SimulationError, match=option) as caught:
        simulate_company(tmp_path, leads_count=leads_count, seed=seed)

    assert caught.value.exit_code == 2


def test_simulate_company__refuses_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("not a folder")

    with pytest.raises(SimulationNotWrittenError, match=r"cannot be written to .*taken"):
        simulate_company(tmp_path / "taken", leads_count=5, seed=7)


def test_simulate_company__a_failure_halfway_keeps_the_old_company(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate_company(tmp_path, leads_count=50, seed=7)
    before = {file: (tmp_path / file).read_bytes() for file in FILES.values()}
    monkeypatch.setattr(simulate, "CHUNK_LEADS", 20)

    def fill_the_disk(_stage: str, done: float) -> None:
        if done > 0.5:
            raise OSError(28, "No space left on device")

    with pytest.raises(SimulationNotWrittenError, match="No space left on device"):
        simulate_company(tmp_path, leads_count=50, seed=8, progress=fill_the_disk)
    assert {file: (tmp_path / file).read_bytes() for file in FILES.values()} == before
    assert list(tmp_path.rglob("*.part")) == []


def test_draw_chunk__tables_have_the_shape_of_a_history(tables: dict[str, pa.Table]) -> None:
    time = pa.timestamp("us", tz="UTC")

    assert tables["leads"].schema.field("created_at").type == time
    assert tables["interactions"].column_names == [
        "source", "interaction_id", "lead_id", "kind", "occurred_at", "available_at", "direction", "channel",
        "campaign", "value",
    ]  # fmt: skip
    assert tables["outcomes"].column_names == ["lead_id", "outcome", "occurred_at", "available_at", "amount"]
    assert tables["attribute_changes"].column_names == ["lead_id", "attribute", "value", "available_at"]
    assert {
        str(tables["interactions"].schema.field(f"{name}_at").type) for name in ("occurred", "available")
    } == {str(time)}
    assert len(pc.unique(tables["interactions"]["interaction_id"])) == tables["interactions"].num_rows
    assert len(pc.unique(tables["leads"]["lead_id"])) == 2_000


def test_draw_chunk__nothing_is_known_later_than_the_end_or_before_it_happened(
    tables: dict[str, pa.Table],
) -> None:
    for name in ("interactions", "outcomes"):
        occurred_at, available_at = (_us(tables[name][f"{each}_at"]) for each in ("occurred", "available"))
        assert (occurred_at <= available_at).all()
        assert available_at.max() <= END_US
    assert _us(tables["attribute_changes"]["available_at"]).max() <= END_US


def test_draw_chunk__outcomes_follow_creation_and_end_the_interactions(tables: dict[str, pa.Table]) -> None:
    leads = dict(zip(tables["leads"]["lead_id"].to_pylist(), _us(tables["leads"]["created_at"]), strict=True))
    closed_ids = tables["outcomes"]["lead_id"].to_pylist()
    closed = dict(zip(closed_ids, _us(tables["outcomes"]["available_at"]), strict=True))

    created_at = np.array([leads[lead] for lead in closed_ids])
    assert (created_at < _us(tables["outcomes"]["occurred_at"])).all()
    for lead, at in zip(
        tables["interactions"]["lead_id"].to_pylist(), _us(tables["interactions"]["occurred_at"]), strict=True
    ):
        assert at < closed.get(lead, END_US)


def test_draw_chunk__truth_has_every_lead_open_as_known_and_no_other(tables: dict[str, pa.Table]) -> None:
    truth = tables["truth"]

    open_ids = set(tables["leads"]["lead_id"].to_pylist()) - set(tables["outcomes"]["lead_id"].to_pylist())
    assert truth["lead_id"].to_pylist() == sorted(open_ids)
    assert set(_us(truth["as_of"])) == {END_US}
    assert set(truth["horizon_days"].to_pylist()) == {MAIN_HORIZON_DAYS}
    week, month, quarter = (truth[f"probability{part}"].to_numpy() for part in ("_7d", "", "_90d"))
    assert (week > 0).all()
    assert (week < month).all()
    assert (month < quarter).all()
    assert (quarter < 1).all()


def test_draw_chunk__looks_like_a_company(tables: dict[str, pa.Table]) -> None:
    outcomes = tables["outcomes"]["outcome"].to_pylist()
    interactions = tables["interactions"]
    late = _us(interactions["available_at"]) > _us(interactions["occurred_at"])

    assert 0.10 < outcomes.count("converted") / 2_000 < 0.20
    assert 0.25 < outcomes.count("lost") / 2_000 < 0.42
    assert 17 < interactions.num_rows / 2_000 < 27
    assert 0.10 < late.mean() < 0.30
    assert set(interactions["kind"].to_pylist()) == {kind.name for kind in KINDS}
    assert 0.05 < tables["leads"]["role"].null_count / 2_000 < 0.15
    assert 0.25 < measure_skill(*[tables["truth"]["probability"].to_numpy()] * 2) < 0.45


def test_true_probabilities__agrees_with_what_the_company_then_saw(world: World) -> None:
    arrivals, journeys, ends, interactions = world

    leads, predicted = true_probabilities(arrivals, journeys, ends, interactions)

    converted_day = np.where(journeys.is_won, journeys.closed_day, -1)[leads]
    for horizon_days, probability in zip(HORIZONS_DAYS, predicted, strict=True):
        observed = (converted_day >= DAYS) & (converted_day < DAYS + horizon_days)
        for part in np.array_split(np.argsort(probability), 4):
            expected, spread = probability[part].sum(), (probability[part] * (1 - probability[part])).sum()
            # Seeded: four standard deviations, and one conversion for the smallest parts.
            assert abs(observed[part].sum() - expected) < 4 * math.sqrt(spread) + 1


def test_true_probabilities__equals_a_plain_hidden_markov_model(world: World) -> None:
    arrivals, journeys, ends, interactions = world
    leads, predicted = true_probabilities(arrivals, journeys, ends, interactions)
    since = np.flatnonzero(arrivals.created_day[leads] > DAYS - 60)

    for row in since[:: max(1, len(since) // 12)]:
        expected = _foresee_plainly(world, int(leads[row]))

        np.testing.assert_allclose(predicted[:, row], expected, rtol=1e-9)


def test_true_probabilities__does_not_use_what_nobody_knows(world: World) -> None:
    arrivals, journeys, ends, interactions = world
    leads, predicted = true_probabilities(arrivals, journeys, ends, interactions)
    blind = Journeys(
        state=np.full_like(journeys.state, -1),
        depth=journeys.depth,
        closed_day=np.full_like(journeys.closed_day, -1),
        is_won=np.zeros_like(journeys.is_won),
    )

    again = true_probabilities(arrivals, blind, ends, interactions)

    assert (again[0] == leads).all()
    assert (again[1] == predicted).all()


def test_known_share__is_a_half_after_a_half_life() -> None:
    late = known_share(1.0, 24.0 / math.log(2.0))

    # A day's expected are on average 10.5 hours old at midnight, and 24 more for each day before.
    assert late[-2] == pytest.approx(1 - 0.5 * (1 - late[-1]), rel=1e-12)
    assert late[-1] == pytest.approx(1 - 0.5 ** (10.5 / 24), abs=0.01)
    assert (known_share(0.0, 5.0) == 1).all()


def test_measure_skill__of_the_base_rate_is_zero_and_of_anything_else_below_the_truth() -> None:
    truth = np.array([0.1, 0.2, 0.6])

    assert measure_skill(np.full(3, truth.mean()), truth) == pytest.approx(0, abs=1e-15)
    assert measure_skill(truth * 0.9, truth) < measure_skill(truth, truth)
    assert math.isnan(measure_skill(np.empty(0), np.empty(0)))


def _us(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    instants: npt.NDArray[np.int64] = column.cast(pa.int64()).to_numpy()
    return instants


def _foresee_plainly(world: World, lead: int) -> list[float]:
    """The same by one lead, one day and one full matrix at a time, from the interactions as they stand."""
    arrivals, journeys, _, interactions = world
    rows = interactions.lead == lead
    day_of = (interactions.occurred_at[rows] - START_US) // US_PER_DAY
    kind_of = interactions.kind[rows]
    created_day = int(arrivals.created_day[lead])
    depth = journeys.depth[lead]
    belief = np.zeros(STATES)
    active = STARTING_ACTIVE[arrivals.categories["source"][lead]] if depth[created_day] == 0 else 1.0
    belief[depth[created_day]], belief[depth[created_day] + DEPTHS] = active, 1 - active
    for day in range(created_day + 1, DAYS):
        matrix = _matrix(arrivals, lead, day)
        kinds = kind_of[day_of == day]
        left = CODES["unsubscribed"] in kinds
        for before in range(STATES):
            for after in range(STATES):
                unsubscribes = before < DEPTHS and after == before + DEPTHS
                matrix[before, after] *= (
                    (UNSUBSCRIBE_SHARE if left else 1 - UNSUBSCRIBE_SHARE) if unsubscribes else not left
                )
        matrix[:WON, WON] *= 1 - known_share(1.0, WON_DELAY_HOURS)[day]
        matrix[:WON, LOST] *= 1 - known_share(1.0, LOST_DELAY_HOURS)[day]
        belief = (belief[:, None] * matrix).sum(axis=0)
        belief *= [_likelihood(state, day, depth, kinds) for state in range(STATES)]
        belief /= belief.sum()
    predicted, converted = [], 0.0
    belief[WON:] = 0
    for day in range(DAYS, DAYS + HORIZONS_DAYS[-1]):
        belief = (belief[:, None] * _matrix(arrivals, lead, day)).sum(axis=0)
        converted = belief[WON]
        if day + 1 - DAYS in HORIZONS_DAYS:
            predicted.append(float(converted))
    return predicted


def _matrix(arrivals: Arrivals, lead: int, day: int) -> npt.NDArray[np.float64]:
    matrix = np.eye(STATES)
    for state in range(2 * DEPTHS):
        odds = transitions(np.array([state], dtype=np.int8), arrivals.factors.of(slice(lead, lead + 1)), day)
        other_mood = state + DEPTHS if state < DEPTHS else state - DEPTHS
        matrix[state, state] = 1 - sum(float(each[0]) for each in odds)
        for after, each in zip((WON, state % DEPTHS + 1, LOST, other_mood), odds, strict=True):
            matrix[state, after] += float(each[0])
    return matrix


def _likelihood(state: int, day: int, depth: npt.NDArray[np.int8], kinds: npt.NDArray[np.int64]) -> float:
    """P(what was seen that day | state): Poisson counts of each kind, thinned to what is known by the end."""
    if state >= WON:
        is_silent = not (kinds < ENGAGEMENT).any() and depth[day] == depth[day - 1]
        return float(is_silent)
    if state % DEPTHS != depth[day]:
        return 0.0
    likelihood = 1.0
    for kind in range(ENGAGEMENT):
        known = float(known_share(KINDS[kind].late_share, KINDS[kind].late_hours)[day])
        expected = float(ENGAGEMENT_RATES[kind, state] * weekday_pace(day)) * known
        count = int((kinds == kind).sum())
        likelihood *= math.exp(-expected) * expected**count / math.factorial(count)
    return likelihood


def test_simulate_company__replaces_its_own_history_and_no_other(tmp_path: Path) -> None:
    simulate_company(tmp_path, leads_count=1, seed=1)
    simulate_company(tmp_path, leads_count=2, seed=1)
    assert pq.read_metadata(tmp_path / FILES["leads"]).num_rows == 2
    (tmp_path / FILES["truth"]).unlink()
    before = (tmp_path / FILES["leads"]).read_bytes()

    for out in (tmp_path, tmp_path / "history"):
        with pytest.raises(SimulationNotWrittenError, match="holds a history that was not made up"):
            simulate_company(out, leads_count=1, seed=1)

    assert (tmp_path / FILES["leads"]).read_bytes() == before
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(
        ["history", *(Path(FILES[name]).name for name in FILES if name != "truth")]
    )


def test_simulate_company__until_another_moment_moves_all_times_and_nothing_else(tmp_path: Path) -> None:
    span = 365 * US_PER_DAY + 1
    here = simulate_company(tmp_path / "here", leads_count=300, seed=3)
    there = simulate_company(tmp_path / "there", leads_count=300, seed=3, until=END_US + span)

    assert there.observed_until == format_time(END_US + span)
    assert (there.interactions, there.base_rate) == (here.interactions, here.base_rate)
    for file in FILES.values():
        before, after = (pq.read_table(tmp_path / name / file) for name in ("here", "there"))
        assert before.schema == after.schema
        for name in before.column_names:
            moved = before[name]
            if pa.types.is_timestamp(moved.type):
                moved = pa.chunked_array([moved.combine_chunks().cast(pa.int64())])
                assert pc.add(moved, span).equals(after[name].cast(pa.int64())), (file, name)
            else:
                assert moved.equals(after[name]), (file, name)
