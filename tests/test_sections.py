"""Pages of figures: a run replaces its own part and leaves the others alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from tests.benchmarks.ablations import ablate
from tests.benchmarks.figures import PAGE, PARTS, replace_part
from tests.benchmarks.peers.comparison import bounded
from tests.benchmarks.peers.models import PEERS, Peer
from tests.benchmarks.ranges import Training, kept
from tests.benchmarks.sections import table, write_section
from training.baselines.mature_boosting import MatureExamples
from training.simulator.simulate import simulate_company


def test_write_section__replaces_its_own_and_keeps_the_others(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    write_section("Night", ["old"], page=page)
    write_section("Serving", ["kept"], page=page)

    write_section("Night", table(("what", "measured"), [("a", "1")]), page=page)

    head, *sections = page.read_text().split("\n## ")
    assert head.startswith("# Figures")
    assert sections == ["Night\n\n| what | measured |\n| --- | --- |\n| a | 1 |\n", "Serving\n\nkept\n"]


@pytest.mark.parametrize("part", PARTS)
def test_replace_part__every_part_has_its_place_and_nothing_else_changes(part: str) -> None:
    page = PAGE.read_text(encoding="utf-8")

    replaced = replace_part(page, part, ["one", "two"])

    begin, end = f"<!-- measured: {part} -->", f"<!-- end of {part} -->"
    assert replaced.partition(begin)[0] == page.partition(begin)[0]
    assert replaced.partition(end)[2] == page.partition(end)[2]
    assert replaced.partition(begin)[2].partition(end)[0] == "\n\none\ntwo\n\n"


def test_replace_part__refuses_a_page_without_it() -> None:
    with pytest.raises(ValueError, match="the page has no part peers"):
        replace_part("<!-- measured: peers --> and no end", "peers", [])


def test_kept__a_training_is_made_once(tmp_path: Path) -> None:
    made: list[Training] = []

    def make() -> Training:
        nothing = cast(Any, None)
        made.append(Training(nothing, nothing, np.zeros((1, 1), dtype=np.uint8), np.array([0.5]), 1.0))
        return made[-1]

    first, again = (kept(tmp_path / "fits" / "1.pickle", make) for _ in range(2))

    assert len(made) == 1
    assert again.true.tolist() == first.true.tolist() == [0.5]
    assert [path.name for path in (tmp_path / "fits").iterdir()] == ["1.pickle"]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python 3.12: a fork among threads
def test_bounded__gives_what_work_returns_and_ends_what_takes_too_long() -> None:
    def without_end() -> None:
        while True:
            pass

    assert bounded(lambda: 3.5) == 3.5
    assert bounded(without_end, seconds=1) is None


@pytest.mark.long
def test_ablate__measures_every_change_though_the_search_has_fitted_all_features(tmp_path: Path) -> None:
    simulate_company(tmp_path, leads_count=2_000, seed=7)

    lines = [line.split("|") for line in ablate(str(tmp_path / "history"))]

    changes = {line[1].strip(): line[2].strip() for line in lines if len(line) == 6}
    measured = {name for name, change in changes.items() if change.endswith("%")}
    assert {"decay features off", "account features off", "learning from the last 180 days"} <= measured
    assert len(measured) == len(changes) - 2  # The head of the table, in two lines.


@pytest.mark.long
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_fit__a_peer_learns_numbers_and_categories_and_explains_its_log_odds(peer: Peer) -> None:
    rng = np.random.default_rng(1)
    values = np.stack([rng.normal(size=900), rng.integers(0, 3, 900), rng.normal(size=900)], axis=1)
    values[::7, 0] = np.nan
    odds = -1.5 + 1.5 * np.nan_to_num(values[:, 0]) + np.array([0.0, 1.0, -1.0])[values[:, 1].astype(int)]
    converted = (rng.random(900) < 1 / (1 + np.exp(-odds))).astype(np.float64)
    since = np.arange(800, 0, -1, dtype=np.int64)
    # The last hundred rows are to be predicted: nothing is known of them.
    mature = MatureExamples(values, np.array([False, True, False]), converted[:800], since, horizon_us=30)

    model = peer.fit(mature, 1)

    assert np.corrcoef(model.log_odds(values), odds)[0, 1] > 0.8
    reasons = np.asarray(model.reasons(values[:5]))
    assert reasons.shape[0] == 5
    assert reasons.shape[1] >= 3
