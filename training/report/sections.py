"""The sections of the report, each from figures and plots that were made before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from features.findings.problems import Problem
from models.bundle.card import Card
from models.registry.runs import flatten
from training.evaluation.figures import Evaluation
from training.evaluation.learning_curve import conclude
from training.evaluation.segments import AGE, WEEK
from training.evaluation.term_views import TermView
from training.promotion.gate import Verdict
from training.report.html import Content, Markup, items, join, section, table, tag
from training.report.tables import (
    gains_table,
    learning_table,
    metrics_table,
    origins_table,
    pairs_table,
    part_table,
    terms_table,
    yardsticks_table,
)
from training.report.text import (
    CAPTIONS,
    FIGURES_TOLD,
    METRICS,
    TERMS_TOLD,
    TITLES,
    coverage_sentence,
    figure_text,
    share_text,
    verdict_sentences,
)

# Writes a plot into the page: its name, its alternative text, its caption.
Show = Callable[[str, str, str], Markup]


def verdict_section(evaluation: Evaluation, verdict: Verdict, card: Card) -> Markup:
    """Says what it all comes to, in words."""
    failed = [row.sentence for row in verdict.rows if not row.passed]
    listed = join((tag("p", "Rules that did not hold:"), items(failed))) if failed else Markup("")
    first, *rest = verdict_sentences(evaluation, horizon_days=card.horizon_days)
    answer = tag("p", first, class_="answer")
    return section(
        "verdict",
        TITLES["verdict"],
        tag("div", answer, items([*rest, verdict.sentence]), listed, class_="verdict"),
    )


def contents() -> Markup:
    """Lists the sections."""
    links = [tag("li", tag("a", title, href=f"#{anchor}")) for anchor, title in TITLES.items()]
    return tag("nav", tag("ul", *links), aria_label="Sections")


def figures_section(evaluation: Evaluation) -> Markup:
    """Tells every metric, for the whole and for parts of the population, and at every horizon."""
    whole = {**evaluation.metrics, "slope": evaluation.slope, "intercept": evaluation.intercept}
    names = {"unseen_leads": "unseen leads", "grid": "at night (grid)", "creation": "at creation"}
    groups = {names.get(name, name): figures for name, figures in evaluation.populations.items()}
    horizons = {f"{days:g} days": figures for days, figures in evaluation.horizons.items()}
    meanings = tag("details", tag("summary", "What the figures mean"), pairs_table(
        "Metrics", ["figure", "unit and meaning"], dict(METRICS.values())
    ))  # fmt: skip
    return section(
        "figures", TITLES["figures"], tag("p", FIGURES_TOLD),
        metrics_table("Main horizon, pooled over origins", {"all test leads": whole, **groups}),
        metrics_table("By horizon, as far as the history carries it", horizons) if horizons else "",
        tag("p", "A horizon is judged on the examples for which it is over, so that n differs."), meanings,
    )  # fmt: skip


def calibration_section(evaluation: Evaluation, show: Show) -> Markup:
    """Shows promised against happened, and what else could have been done about the level."""
    parts: list[Content] = [
        show("reliability", *CAPTIONS["reliability"]),
        table("The same in numbers", ["promised", "happened [95 %]", "converted", "n"], [
            [f"{one.predicted:.4f}", join((figure_text(one.observed, digits=4),)),
             join((f"{one.conversions:,}",)), join((f"{one.observed.n:,}",))]
            for one in evaluation.reliability
        ]),
        tag("p", f"Promised over happened, unshifted: {figure_text(evaluation.level_before_shift)}."),
        tag("p", coverage_sentence(evaluation)),
    ]  # fmt: skip
    if evaluation.recalibrations:
        ways = {name.replace("_", " "): one for name, one in evaluation.recalibrations.items()}
        parts.append(metrics_table("Ways to set the level, where something had matured to learn from", ways))
    return section("calibration", TITLES["calibration"], *parts)


def calls_section(evaluation: Evaluation, show: Show, *, amounts_known: float, capacity_note: str) -> Markup:
    """Shows what the leads called first hold."""
    has_revenue = any(gain.revenue is not None for gain in evaluation.gains.values())
    notes = [capacity_note]
    if has_revenue:
        notes.append(
            f"The amount is known of {100 * amounts_known:.0f} % of the conversions; "
            "the others count as nothing."
        )
    return section(
        "calls", TITLES["calls"],
        show("gains", *CAPTIONS["gains"]),
        gains_table(evaluation.gains), items(notes),
    )  # fmt: skip


def time_section(evaluation: Evaluation, show: Show) -> Markup:
    """Shows origins and level shifts in time."""
    return section(
        "time", TITLES["time"],
        show("origins", *CAPTIONS["origins"]),
        origins_table(evaluation.by_origin),
    )  # fmt: skip


def parts_section(evaluation: Evaluation, show: Show) -> Markup:
    """Shows the groups of every part."""
    titles = {AGE: "By age of the lead", WEEK: "By week"}
    shown: list[Content] = []
    for question, groups in evaluation.segments.items():
        title = titles.get(question, f"By {question.replace('_', ' ')}")
        alt = f"{title}: promised probability, share that converted with intervals, number of test examples."
        shown += [
            tag("h3", title),
            show(
                f"part_{question}", alt, f"{title}: promised and happened, with the number of test examples."
            ),
            tag("details", tag("summary", f"{title}, in numbers"), part_table(title, groups)),
        ]
    return section("parts", TITLES["parts"], *shown)


def others_section(evaluation: Evaluation, show: Show) -> Markup:
    """Shows the yardsticks, and what being readable costs."""
    price = evaluation.cost_of_additivity
    told = "The unrestricted hazard was not fitted, so that the price of readability is not known."
    if price is not None:
        told = (
            "The price of readability, the log loss above that of the same fit without any "
            "restriction, as a part "
            f"of it, is {share_text(price, digits=2)}, n = "
            f"{price.n:,}; below zero the "
            "readable one is better."
        )
    return section(
        "others", TITLES["others"],
        show("yardsticks", *CAPTIONS["yardsticks"]),
        tag("p", told), yardsticks_table(evaluation),
    )  # fmt: skip


def learning_section(evaluation: Evaluation, show: Show) -> Markup:
    """Shows the learning curve."""
    if len(evaluation.learning_curve) <= 1:
        return section(
            "learning",
            TITLES["learning"],
            tag("p", "Not asked: a quick training, or too few leads to take half of them."),
        )
    plot = show("learning", *CAPTIONS["learning"])  # fmt: skip
    return section(
        "learning",
        TITLES["learning"],
        tag("p", conclude(evaluation.learning_curve)),
        plot,
        learning_table(evaluation),
    )


def terms_section(views: Sequence[TermView], plots: Iterator[Markup]) -> Markup:
    """Shows every term, the one that moves most first."""
    return section("terms", TITLES["terms"], tag("p", TERMS_TOLD), *plots,
                   tag("details", tag("summary", "All terms in numbers"), terms_table(views)))  # fmt: skip


def checks_section(problems: Sequence[Problem], notes: Sequence[str]) -> Markup:
    """Tells what was found in the history, and what was noted."""
    found: Content = tag("p", "Nothing was found.")
    if problems:
        found = table("Findings", ["code", "stops", "what and how many", "remedy"], [
            [one.code, one.stops or "nothing", f"{one.sentence} ({one.count:,})", one.remedy]
            for one in problems
        ])  # fmt: skip
    return section(
        "checks", TITLES["checks"], found, tag("h3", "Notes"), items(notes) if notes else tag("p", "None.")
    )


def making_section(card: Card) -> Markup:
    """Tells configuration, counts and libraries."""
    facts: Mapping[str, Mapping[str, object]] = {
        "Learnt from": flatten(dict(card.trained_on)),
        "Configuration": flatten(dict(card.config)),
        "Libraries": dict(card.library_versions),
    }
    tables = [pairs_table(caption, ["key", "value"], told) for caption, told in facts.items()]
    return section("making", TITLES["making"], *tables)
