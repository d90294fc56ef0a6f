"""Since when a version answers, and which ones did before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from features.times import parse_time
from models.errors import PastChampionsError
from models.home.home import Home
from models.home.promotions import Promotion
from tests.support.builders import at
from tests.support.small_models import home_with, small_bundle


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that answers with version 1 since day 1, and holds 2."""
    home = home_with(tmp_path, small_bundle(), small_bundle(version="2"))
    date(home, at(1))
    return home


def date(home: Home, instant: int) -> None:
    """Makes the present champion one of some other time."""
    os.utime(home.champion_file, ns=(instant * 1_000, instant * 1_000))


def test_promotions__tell_of_every_promotion_and_rollback(home: Home) -> None:
    home.swap_champion("2")
    date(home, at(2))
    home.swap_champion("1")
    date(home, at(3))

    assert home.promotions() == (Promotion("1", at(3)), Promotion("2", at(2)), Promotion("1", at(1)))


def test_promotions__promoting_the_champion_again_changes_nothing(home: Home) -> None:
    home.swap_champion("1")

    assert home.promotions() == (Promotion("1", at(1)),)


def test_promotions__a_crash_before_the_pointer_moved_notes_nothing_twice(home: Home) -> None:
    home.past_champions_file.write_text('{"version": "1", "promoted_at": "2026-01-02T00:00:00Z"}\n')
    date(home, parse_time("2026-01-02T00:00:00Z"))
    before = home.promotions()
    home.swap_champion("2")

    assert before == home.promotions()[1:] == (Promotion("1", parse_time("2026-01-02T00:00:00Z")),)


def test_promotions__of_a_home_without_champion(tmp_path: Path) -> None:
    assert Home(tmp_path).promotions() == ()


def test_promotions__the_oldest_are_forgotten(home: Home) -> None:
    line = '{"version": "1", "promoted_at": "2025-06-01T00:00:00Z"}\n'
    home.past_champions_file.write_text(line * 2_000)

    home.swap_champion("2")

    assert len(home.promotions()) == 1_001
    assert home.promotions()[:2] == (home.promotions()[0], Promotion("1", at(1)))


@pytest.mark.parametrize("line", ["{", "[]", '{"version": "1"}', '{"version": "1", "promoted_at": "then"}'])
def test_promotions__a_line_that_was_changed_is_named(home: Home, line: str) -> None:
    home.swap_champion("2")
    with home.past_champions_file.open("a") as file:
        file.write(line + "\n")

    with pytest.raises(PastChampionsError, match=r"Line 2 of .*past_champions.jsonl cannot be read"):
        home.promotions()

    home.swap_champion("1")
    assert home.champion() == "1"
