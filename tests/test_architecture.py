"""The page of the architecture names what is there: every package once, and only files that exist."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.support.documents import PAGES, ROOT, inline_codes
from tests.test_layers import ALLOWED, modules

ARCHITECTURE = "docs/architecture.md"
# What fits on one printed page, tables of long lines included.
MOST_WORDS = 1_100
NAMED = [code for code in inline_codes(ARCHITECTURE) if re.fullmatch(r"[\w.-]+(/[\w.-]+)+/?", code)]
FOLDERS = {path.parent.relative_to(ROOT).as_posix() for path in modules() if path.name == "__init__.py"}
PACKAGES = {f"{folder}/" for folder in FOLDERS if "/" in folder}
FILES = sorted({name for name in NAMED if not name.endswith("/")})


@pytest.mark.parametrize("name", FILES)
def test_architecture__names_files_that_exist(name: str) -> None:
    assert (ROOT / name).is_file(), f"{ARCHITECTURE} names {name}, which is not there"


def test_architecture__names_every_package_once() -> None:
    assert Counter(name for name in NAMED if name.endswith("/")) == Counter(PACKAGES)


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_readme__names_every_package_of_a_room(room: str) -> None:
    row = next(
        line for line in PAGES["README.md"].splitlines() if line.startswith("| ") and f"`{room}/`" in line
    )

    named = set(re.findall(r"`(\w+)`", row))

    # Packages inside packages stand on the page of the architecture only.
    assert {name.split("/")[1] for name in PACKAGES if name.startswith(f"{room}/")} <= named


def test_architecture__is_one_page() -> None:
    assert len(PAGES[ARCHITECTURE].split()) <= MOST_WORDS
