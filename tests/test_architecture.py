"""The page of the architecture names what is there: every package once, and only files that exist."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.support.documents import PAGES, ROOT, inline_codes
from tests.test_layers import modules

ARCHITECTURE = "docs/architecture.md"
# What fits on one printed page, tables of long lines included.
MOST_WORDS = 1_100
NAMED = [code for code in inline_codes(ARCHITECTURE) if re.fullmatch(r"[\w.-]+(/[\w.-]+)+/?", code)]
FILES = sorted({name for name in NAMED if not name.endswith("/")})


@pytest.mark.parametrize("name", FILES)
def test_architecture__names_files_that_exist(name: str) -> None:
    assert (ROOT / name).is_file(), f"{ARCHITECTURE} names {name}, which is not there"


def test_architecture__names_every_package_once() -> None:
    folders = {path.parent for path in modules() if path.name == "__init__.py"}
    packages = {f"{folder.relative_to(ROOT).as_posix()}/" for folder in folders if folder.parent != ROOT}

    assert Counter(name for name in NAMED if name.endswith("/")) == Counter(packages)


def test_architecture__is_one_page() -> None:
    assert len(PAGES[ARCHITECTURE].split()) <= MOST_WORDS
