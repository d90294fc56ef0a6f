"""The sections of the report that tell what was found in the history, and how the model was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from features.findings.problems import Problem
from models.bundle.card import Card
from models.registry.runs import flatten
from training.report.html import Content, Markup, items, section, table, tag
from training.report.report_captions import TITLES
from training.report.tables import pairs_table


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
