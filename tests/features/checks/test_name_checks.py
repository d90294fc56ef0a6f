from __future__ import annotations

import pytest

from features.catalog.default_catalog import default_catalogue
from features.checks.name_checks import check_names
from features.findings.problems import Findings
from tests.support.builders import history, lead, touch


def _found(attributes: dict[str, object], kinds: list[str]) -> list[str]:
    made = history([lead("a", **attributes), lead("b", size=2.0)], [touch("a", kind, 1) for kind in kinds])
    findings = Findings()
    check_names(made, findings)
    return [str(problem) for problem in findings.problems()]


@pytest.mark.parametrize("name", ["as_of", "As Of", "lead-id"])
def test_check_names__reports_an_attribute_that_every_table_of_features_has(name: str) -> None:
    (problem,) = _found({name: 1.0, "size": 1.0}, ["chat"])

    assert problem.startswith(f"D086 leads.{name} has the name of a column")


def test_check_names__reports_kinds_spelt_alike_once() -> None:
    (problem,) = _found({"size": 1.0}, ["email_opened", "Email Opened", "E-mail opened", "chat"])

    # A hyphen makes other words of it; capitals and spaces do not.
    assert problem.startswith("D087 interactions.kind has Email Opened, email_opened, which differ")


def test_check_names__is_silent_about_names_of_their_own() -> None:
    assert _found({"size": 1.0, "as_of_date": 1.0}, ["email_opened", "email_clicked", "chat"]) == []


def test_check_names__names_what_the_catalogue_renames() -> None:
    leads = [lead(f"l{number}", as_of=float(number)) for number in range(20)]

    names = default_catalogue(history(leads)).names

    assert "as_of" not in names
    assert "as_of_2" in names
