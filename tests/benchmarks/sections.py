"""Writes the page of figures: one section per benchmark, replaced as a whole by the run that measured it."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np

PAGE = Path(__file__).with_name("README.md")
_HEAD = "# Figures\n\nMeasured by `make bench-*`, ratios within one run; nothing here is asserted.\n"


def write_section(title: str, lines: Sequence[str], *, page: Path = PAGE) -> None:
    """Writes a section under its title, in place of the one of that title, else at the end."""
    text = page.read_text() if page.exists() else _HEAD
    head, *sections = text.split("\n## ")
    section = "\n".join([title, "", *lines]).rstrip() + "\n"
    titles = [text.partition("\n")[0] for text in sections]
    if title in titles:
        sections[titles.index(title)] = section
    else:
        sections.append(section)
    page.write_text("\n## ".join([head.rstrip() + "\n", *(each.rstrip() + "\n" for each in sections)]))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Writes a Markdown table, one text per line."""
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows)]


def machine() -> str:
    """Describes the machine and its load."""
    processor = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory = next((line.split()[1] for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "0")
    return (
        f"{processor}, {os.cpu_count()} cores, {int(memory) / 2**20:.0f} GiB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}, NumPy {np.__version__}, "
        f"load average {os.getloadavg()[0]:.1f}"
    )


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _lines(path: str) -> list[str]:
    file = Path(path)
    return file.read_text().splitlines() if file.exists() else []
