"""The page of commands: every subcommand with its options, exit codes, and the targets of the Makefile."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import typer

import leadodds
from docs.pages.tables import code, table

_MAKEFILE: Final = Path(__file__).parents[2] / "Makefile"
_HEAD: Final = """# Commands

There is one command, `leadodds`; options follow the subcommand. `HISTORY` is a folder or a database URL.
Times carry a zone: `2026-05-04T00:00:00Z`. All state is in the folder that `LEADODDS_HOME` names,
`models/store` by default. With `--json` standard output holds one JSON object and nothing else; with
`--quiet` it stays empty. Progress and errors go to standard error. `python -m training HISTORY` is `leadodds
train HISTORY`, and `python -m serving` is `leadodds serve`.

## Exit codes

{exit_codes}
`score` ends with 3 if some leads failed: their rows say so, all others are written. It also ends with 3 if
all of an input of its model is gone: a column is absent or all of another type, no interaction is that of a
lead, or none has a kind that the model knows. The scores are written. Standard error, `inputs` in the JSON
and the card of the run, a file in `score_runs/` of the home, say what is missing; `--accept-missing COLUMN`,
or the key `accept_missing` of the configuration, accepts it. What is missing in part, and rows that are left
out (`left_out`), are only reported.
`train --promote` ends with 4 if the gate refuses: the version is registered, the champion stays. `replay`
ends with 1 if the score differs. `load` ends with 3 if rows were refused: they are counted by reason, and
the others are written. `check` ends with 2 if the history cannot be scored.
"""
_MAKE_HEAD: Final = """## make

Run these in the folder of the project. `make help` lists them.

"""
_WORDS: Final = {str: "text", int: "whole number", float: "number", Path: "path"}


def commands_page() -> str:
    """Lists every subcommand with arguments, options and defaults, as Markdown."""
    root = typer.main.get_command(leadodds.app)
    sections = (_section(name, command) for name, command in _walk("leadodds", root))
    codes = table(["code", "meaning"], _exit_codes())
    return "\n".join([_HEAD.format(exit_codes=codes), *sections, _make_section()])


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Goes through the tree of commands, and yields those without subcommands."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for own_name, own in inner.items():
        yield from _walk(f"{name} {own_name}", own)


def _exit_codes() -> Iterator[tuple[str, str]]:
    """Reads the exit codes where the front door states them."""
    (line,) = re.findall(r"Exit codes: (.*)\.", leadodds.app.info.help or "")
    for part in line.split(", "):
        number, _, meaning = part.partition(" ")
        yield number, meaning


def _section(name: str, command: Any) -> str:
    positional = [param for param in command.params if not param.opts[0].startswith("-")]
    hints = get_type_hints(command.callback)
    usage = " ".join([name, *(param.name.upper() for param in positional), "[OPTIONS]"])
    rows = [_row(param, hints[param.name], is_argument=param in positional) for param in command.params]
    listed = table(["argument or option", "takes", "default", "meaning"], rows) if rows else ""
    return f"## {name}\n\n{command.help}\n\n```text\n{usage}\n```\n\n{listed}"


def _row(parameter: Any, hint: Any, *, is_argument: bool) -> tuple[str, str, str, str]:
    named = parameter.name.upper() if is_argument else ", ".join(parameter.opts)
    default = parameter.default
    shown = "required" if parameter.required else "" if default in (None, False) else code(str(default))
    return code(named), _takes(hint), shown, parameter.help or ""


def _takes(hint: Any) -> str:
    """Says what a parameter takes; empty for a flag."""
    if get_origin(hint) is Literal:
        return " or ".join(code(word) for word in get_args(hint))
    if get_origin(hint) in (types.UnionType, Union):
        return next(_takes(kind) for kind in get_args(hint) if kind is not type(None))
    if get_origin(hint) is list:
        return _takes(get_args(hint)[0])
    return "" if hint is bool else _WORDS[hint]


def _make_section() -> str:
    targets = re.findall(r"^([a-z-]+):.*?## (.*)$", _MAKEFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return _MAKE_HEAD + table(["target", "does"], [(code(f"make {name}"), does) for name, does in targets])
