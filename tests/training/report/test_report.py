from __future__ import annotations

import base64
import hashlib
import io
import re
from typing import Any

import numpy as np
import pytest
from jinja2 import UndefinedError

from features.catalog.spec import Feature, FeatureSet
from models.scorecard.bins import FeatureBins
from models.scorecard.scorecard import Scorecard, Term
from tests.support.backtests import backtest_predictions
from training.evaluation.calibration import gains_curve, reliability
from training.evaluation.evaluate import evaluate
from training.evaluation.gains import gains
from training.evaluation.term_views import code_shares, view_terms
from training.metrics.bootstrap import Bootstrap, Estimate
from training.report.page import Picture, fill
from training.report.plots import draw_gains, draw_reliability
from training.report.tables import Number, Table
from training.report.term_plots import draw_curves, draw_pair
from training.report.text import verdict_sentences

HOSTILE = '<script>alert("x")</script>'


def _scorecard() -> Scorecard:
    bins = (
        FeatureBins("lead_age_days", "number", np.array([1.0, 7.0])),
        FeatureBins("country", "category", np.empty(0), ("de", HOSTILE)),
    )
    terms = (
        Term((0,), np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])),
        Term((0, 1), np.ones((4, 4, 2)) * 0.1),
    )
    return Scorecard(bins, np.array([0.0, 7.0, 30.0]), 30.0, terms, np.array([0.0, 0.0]))


FEATURES = FeatureSet((Feature("lead_age_days", "lead_age", "Age of the lead", unit="days"),))
CODES = np.array([[1, 1], [1, 2], [2, 1], [3, 1]], dtype=np.uint8)


def test_view_terms__weights_time_bins_by_their_hazard_and_codes_by_their_examples() -> None:
    scorecard = _scorecard()

    views = view_terms(scorecard, FEATURES, code_shares(scorecard, CODES), CODES)

    # Both time bins have the same hazard, so a table entry of the first counts for half.
    assert views[0].points.tolist() == [0.0, 0.5, 1.0, 1.5]
    assert views[0].weight == 0.5 * 0.5 + 0.25 * 1.0 + 0.25 * 1.5
    assert views[0].axes[0].label == "Age of the lead (days)"
    assert views[0].axes[0].codes == ("missing", "< 1", "≥ 1", "≥ 7")
    assert views[1].share[1, 2] == 0.25
    assert views[1].share.sum() == 1.0


def test_draw__gives_the_same_bytes_twice() -> None:
    scorecard, predictions = _scorecard(), backtest_predictions(n=300)
    views = view_terms(scorecard, FEATURES, code_shares(scorecard, CODES), CODES)
    written: list[list[bytes]] = []

    for _ in range(2):
        bins = reliability(predictions, Bootstrap(1, 100))
        plots = [
            draw_reliability(bins, np.full(300, 0.2), horizon_days=30),
            draw_gains(gains_curve(predictions), gains(predictions, None, None, Bootstrap(1, 100))),
            draw_curves(views[:1], most=1.5, time_bin="first 7 days"),
            draw_pair(views[1]),
        ]
        files = [io.BytesIO() for _ in plots]
        for plot, file in zip(plots, files, strict=True):
            plot.savefig(file, format="png", metadata={"Software": None})
        written.append([file.getvalue() for file in files])

    assert written[0] == written[1]
    assert all(png.startswith(b"\x89PNG") for png in written[0])


def hostile_facts() -> dict[str, Any]:
    """All that the template shows, each text of it hostile."""
    text = (
        "machine_made",
        "title", "lead", "answer", "level_before_shift", "coverage", "cost_of_additivity", "first_time_bin",
    )  # fmt: skip
    texts = ("sentences", "failed_rules", "call_notes", "notes", "failed_baselines")
    tables = (
        "metrics", "horizons", "meanings", "reliability", "recalibrations", "gains", "origins", "baselines",
        "terms", "findings",
    )  # fmt: skip
    table = Table(HOSTILE, [HOSTILE, HOSTILE], [[HOSTILE, Number(HOSTILE, HOSTILE)]])
    picture = Picture(b"png", width=10)
    names = ("reliability", "gains", "origins", f"part_{HOSTILE}", "yardsticks", "learning")
    return {
        **dict.fromkeys(text, HOSTILE),
        **{name: [HOSTILE] for name in texts},
        **dict.fromkeys(tables, table),
        "pictures": dict.fromkeys(names, picture),
        "fairness": [table],
        "held_out": {"sentences": [HOSTILE], "table": table},
        "segments": [{"name": HOSTILE, "title": HOSTILE, "table": table}],
        "learning": {"sentence": HOSTILE, "table": table},
        "curves": [(picture, HOSTILE)],
        "pairs": [(picture, HOSTILE)],
        "making": [table],
    }


def test_page__shows_hostile_text_as_text_and_allows_nothing_from_elsewhere() -> None:
    written = fill("report.html", **hostile_facts())

    assert "<script" not in written
    # 8 texts (the title twice), 6 lists, 15 tables of 7 each, 4 more of the segment, 1 of the learning curve,
    # 3 of the plot of curves (with the time bin that was counted) and 2 of the plot of pairs.
    assert written.count("&lt;script&gt;") == 9 + 6 + 15 * 7 + 4 + 1 + 3 - 1 + 2
    assert 'alt="Points by value of: &lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;."' in written
    assert "default-src 'none'; img-src data:; style-src 'sha256-" in written
    assert re.findall(r'(?:src|href)="(?!data:|#)', written) == []


def test_page__its_policy_allows_its_own_style() -> None:
    written = fill("report.html", **hostile_facts())

    (style,) = re.findall(r"<style>(.*?)</style>", written, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in written
    assert "max-width: 70rem" in style


def test_page__needs_every_fact() -> None:
    facts = hostile_facts()
    del facts["coverage"]

    with pytest.raises(UndefinedError, match="'coverage' is undefined"):
        fill("report.html", **facts)


def test_page__sets_text_to_the_left_and_numbers_to_the_right_with_their_interval() -> None:
    table = Table("Sizes", ["name", "size", "note"], [["5 < 6", Number("1.5", "1 to 2"), "so & so"]])

    written = fill("report.html", **(hostile_facts() | {"making": [table]}))

    assert '<th scope="col" class="text">name</th><th scope="col">size</th>' in written
    assert (
        '<th scope="row">5 &lt; 6</th><td>1.5<span class="range">1 to 2</span></td>'
        '<td class="text">so &amp; so</td>' in written
    )


def test_verdict_sentences__say_what_the_figures_come_to() -> None:
    right, too_high = (
        list(
            verdict_sentences(evaluate(backtest_predictions(shift=shift), Bootstrap(1, 100)), horizon_days=30)
        )
        for shift in (0.0, 0.5)
    )

    assert any("the level is right as far as can be told" in sentence for sentence in right)
    assert any("It is more accurate" in sentence and "logistic regression" in sentence for sentence in right)
    assert any("the probabilities are somewhat too high on later leads" in sentence for sentence in too_high)


def test_reliability__bins_hold_all_examples_and_their_intervals_the_truth() -> None:
    predictions = backtest_predictions()

    bins = reliability(predictions, Bootstrap(1, 200))

    assert sum(bin_.observed.n for bin_ in bins) == 3_000
    assert sum(bin_.conversions for bin_ in bins) == predictions.converted.sum()
    assert isinstance(bins[0].observed, Estimate)
    # The scorecard of this world promises the truth: 95 % of 15 bins are 14, 11 would be very unlikely.
    assert sum(bin_.observed.low <= bin_.predicted <= bin_.observed.high for bin_ in bins) >= 11
