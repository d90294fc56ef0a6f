"""Columns that look like personal data: found, no features by default, allowed by name, never shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from features.catalog.default_catalog import default_catalogue
from features.checks.checks import check_tables
from features.findings.problems import Findings
from features.history.settings import AttributeSettings, HistorySettings
from features.tables.table_reader import RawTables
from tests.support.builders import lead, tables, touch

LEADS = 60
COLUMNS: dict[str, tuple[Callable[[int], object], str]] = {
    "login": (lambda n: f"person{n}@example.org", "e-mail addresses"),
    "reach": (lambda n: f"+31 20 55501{n:02}", "phone numbers"),
    "seen_at": (lambda n: f"10.0.{n}.7", "IP addresses"),
    "seen_on": (lambda n: f"2001:db8::{n:x}:1:2", "IP addresses"),
    "code": (lambda n: f"{100 + n}-45-{6789 - n}", "numbers of identity documents"),
    "first_name": (lambda n: f"Name{n % 30}", "names of people"),
    "birth date": (lambda n: f"19{40 + n}-02-03", "dates of birth"),
    "phone": (lambda n: 31_205_550_100 + n, "phone numbers"),
    "remark": (lambda n: f"asked about offer {n}", "a text of its own for nearly every lead"),
}
HARMLESS: dict[str, Callable[[int], object]] = {
    "campaign_name": lambda n: f"spring {n % 4}",
    "emails_opened": lambda n: n,
    "postcode": lambda n: f"{1000 + n % 9}",
    "contract_start": lambda n: f"2026-01-{1 + n % 28:02}",
    "email_opt_in": lambda n: n % 2 == 0,
    "mobile": lambda n: ["iOS", "Android"][n % 2],
    "size": lambda n: n * 1_000_003,
}


def _read(allowed: str = "") -> tuple[set[str], dict[str, str], str]:
    every = {name: make for name, (make, _) in COLUMNS.items()} | HARMLESS
    leads = [lead(f"l{n:02}", n / 9, **{name: make(n) for name, make in every.items()}) for n in range(LEADS)]
    said = {allowed: AttributeSettings(use="feature")} if allowed else {}
    settings = HistorySettings(attributes=said)
    raw = RawTables(tables(leads, [touch("l01", "page_view", 8)]), settings=settings)
    made, problems = check_tables(raw, Findings(), with_plausibility=True)
    assert made is not None
    features = {feature.attribute for feature in default_catalogue(made).features if feature.attribute}
    found = {problem.column: problem.sentence for problem in problems if problem.code == "D106"}
    return features, found, "\n".join(map(str, problems))


def test_personal_data__is_no_feature_and_check_says_why() -> None:
    features, found, _ = _read()

    assert features & set(COLUMNS) == set()
    assert {*HARMLESS} <= features
    assert found == {
        name: f"leads.{name} looks like {what}, so no feature is made of it."
        for name, (_, what) in COLUMNS.items()
    }


def test_personal_data__is_never_shown() -> None:
    text = _read()[2]

    assert not [cell for make, _ in COLUMNS.values() for n in range(LEADS) if (cell := str(make(n))) in text]


@pytest.mark.parametrize("name", ["remark", "login"])
def test_personal_data__is_allowed_by_name(name: str) -> None:
    features, found, _ = _read(name)

    assert name in features
    assert name not in found
    assert len(found) == len(COLUMNS) - 1
