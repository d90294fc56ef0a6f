"""Writes the reference pages into a folder: `python -m docs.pages docs`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from docs.pages.columns import columns_page
from docs.pages.commands import commands_page
from docs.pages.configuration import configuration_page
from docs.pages.measures import measures_page
from docs.pages.problems import problems_page
from docs.pages.routes import routes_page
from docs.pages.settings import settings_section


def pages() -> Mapping[str, str]:
    """Makes every reference page, by file name."""
    return {
        "columns.md": columns_page(),
        "commands.md": commands_page(),
        "configuration.md": configuration_page() + settings_section(),
        "measures.md": measures_page(),
        "problems.md": problems_page(),
        "routes.md": routes_page(),
    }


def main(folder: Path) -> None:
    """Writes the pages into a folder, which is made if absent."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in pages().items():
        (folder / name).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
