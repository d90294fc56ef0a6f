"""Options that several subcommands share, and how their texts are read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from features.times import parse_duration, parse_time

# Read where --config names no other file, if the working folder has it.
DEFAULT_CONFIG: Final = Path("leadodds.toml")

HistoryArgument = Annotated[
    str, typer.Argument(help="Folder or database URL of leads, interactions, outcomes.")
]
OutOption = Annotated[Path, typer.Option(help="A .parquet or .csv file, or a folder of parts.")]
AsOfOption = Annotated[
    str | None, typer.Option(help="The moment of the prediction, with a zone; now unless given.")
]
UntilOption = Annotated[str | None, typer.Option(help="The last instant for which outcomes are complete.")]
ModelOption = Annotated[
    str | None, typer.Option(help="A version or a bundle's folder; the champion unless given.")
]
TargetOption = Annotated[
    str, typer.Option(help="A .parquet or .csv file, a folder of parts, or a database URL (table scores).")
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(help="URL of the service's database; LEADODDS_DATABASE, or that of the home."),
]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Continue a job that was killed.")]
WorkersOption = Annotated[int | None, typer.Option(help="Processes; one for each core unless given.")]
AcceptMissingOption = Annotated[
    list[str] | None,
    typer.Option(
        help="An input of the model, as column or table.column, that may be missing; repeatable, and "
        "added to accept_missing of the configuration."
    ),
]
EngineOption = Annotated[
    Literal["local", "spark"],
    typer.Option(help="Where it runs: on this machine, or on Spark as you configured it."),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        help=f"A TOML file that changes the defaults; {DEFAULT_CONFIG} of the working folder if there."
    ),
]
QuickOption = Annotated[bool, typer.Option("--quick", help="Two origins, no search, no baselines.")]
FullOption = Annotated[bool, typer.Option("--full", help="Baselines at every origin; search in any case.")]
PromoteOption = Annotated[bool, typer.Option("--promote", help="Make it the champion if the gate allows.")]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Standard output holds one JSON object and nothing else.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Standard output stays empty.")]


def read_expiry(text: str | None, *, now: int) -> int | None:
    """Reads when a key expires: a duration from now on, or a time, as microseconds UTC.

    Raises:
        LeadOddsError: the text is neither.
    """
    if text is None:
        return None
    if text[:4].isdecimal() and "-" in text:
        return parse_time(text, item="--expires")
    return now + parse_duration(text, item="--expires")


def find_config(path: Path | None, *, quiet: bool) -> Path | None:
    """Finds the configuration: the given file, else `DEFAULT_CONFIG` if it is there.

    A file that was not named is named on standard error.

    Args:
        path: as --config names it.
        quiet: whether nothing is to be said.
    """
    if path is None and DEFAULT_CONFIG.is_file():
        path = DEFAULT_CONFIG
        if not quiet:
            typer.echo(f"Configuration: {path}", err=True)
    return path
