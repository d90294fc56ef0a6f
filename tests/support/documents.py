"""The pages that people read, taken apart: blocks of code, commands, links, headings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

import leadodds

ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in [
        *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
        *sorted((ROOT / "docs").glob("*.md")),
        *sorted((ROOT / "docs" / "crm").glob("*.md")),
    ]
}
SHELLS = ("bash", "sh", "cron", "ini")

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} (.+)$", flags=re.MULTILINE)
_ENDS = {"&&", "||", "|", ";", ">", ">>"}


def blocks(page: str, *languages: str) -> list[str]:
    """The page's blocks of code in some languages."""
    return [text for language, text in _FENCED.findall(PAGES[page]) if language in languages]


def prose(page: str) -> str:
    """The page without its blocks of code."""
    return _FENCED.sub("", PAGES[page])


def inline_codes(page: str) -> list[str]:
    """Every `code` within the page's sentences and tables."""
    return re.findall(r"`([^`\n]+)`", prose(page))


def anchors(page: str) -> set[str]:
    """What GitHub makes of the page's headings."""
    seen: dict[str, int] = {}
    for heading in _HEADING.findall(prose(page)):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = "".join(sign for sign in plain if sign.isalnum() or sign in "_- ").replace(" ", "-")
        seen[slug] = seen.get(slug, -1) + 1
        if seen[slug]:
            seen[f"{slug}-{seen[slug]}"] = 0
    return {*seen}


def shell_commands(page: str, *languages: str) -> Iterator[list[str]]:
    """Every call of leadodds, make and python in the page's shell blocks, its first word without folder."""
    for block in blocks(page, *(languages or SHELLS)):
        for line in block.splitlines():
            # What systemd and cron write before a command, and what is set for one call.
            line = re.sub(r"^(ExecStart=|(\S+ ){4}\S+ +cd \S+ && |([A-Z_]+=\S+ )+)", "", line)
            if re.match(r"(\S*/)?(leadodds|make|python) ", line):
                words = shlex.split(line, comments=True)
                end = next((place for place, word in enumerate(words) if word in _ENDS), len(words))
                yield [words[0].rpartition("/")[2], *words[1:end]]


def subcommand(words: list[str]) -> tuple[Any, list[str]]:
    """The subcommand of `leadodds` that words call, or the group of them, and its arguments."""
    command: Any = typer.main.get_command(leadodds.app)
    rest = words[1:]
    while rest and hasattr(command, "commands"):
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest
