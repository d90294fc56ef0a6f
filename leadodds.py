"""The odds that each lead converts, and why.

Exit codes: 0 done, 1 a defect of ours, 2 bad input or configuration, 3 partly done, 4 refused by a gate.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from features.errors import LeadOddsError
from features.progress import Progress, silent
from features.times import US_PER_SECOND, parse_duration, parse_time, to_us

# One OpenMP thread a process, said before any library reads it: more contend, and hang in forked children.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REFUSED_BY_GATE: Final = 4
# Taken where no other is named, as tools of this kind take theirs.
DEFAULT_CONFIG: Final = Path("leadodds.toml")

# Rooms are imported inside the subcommands: a server must not pay for MLflow, nor a check for scikit-learn.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

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
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with a job that was killed.")]
WorkersOption = Annotated[int | None, typer.Option(help="Processes; one a core unless given.")]
EngineOption = Annotated[
    Literal["local", "spark"], typer.Option(help="Where it runs: here, or on Spark as you configured it.")
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        help=f"A TOML file that changes the defaults; {DEFAULT_CONFIG} of the working folder if there."
    ),
]
QuickOption = Annotated[bool, typer.Option("--quick", help="Two origins, no search, no yardsticks.")]
PromoteOption = Annotated[bool, typer.Option("--promote", help="Make it the champion if the gate allows.")]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Standard output holds one JSON object and nothing else.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Standard output stays empty.")]


@app.command()
def simulate(
    out: Annotated[Path, typer.Argument(help="The folder to make.")],
    leads: Annotated[int, typer.Option(help="How many leads.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same company.")] = 7,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Makes up a company with known true odds: OUT/history and OUT/truth.parquet."""
    from training.simulator.simulate import simulate_company

    with _progress(shown=not (as_json or quiet)) as progress:
        made = simulate_company(out, leads_count=leads, seed=seed, progress=progress)
    _tell(made.summary(), as_json=as_json, quiet=quiet)


@app.command()
def check(
    history: HistoryArgument,
    observed_until: UntilOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Reports everything found in a history as one numbered list."""
    from features.checks.checks import check_history

    report = check_history(history, observed_until=_instant("--observed-until", observed_until))
    _tell(report.summary(), as_json=as_json, quiet=quiet, text=str(report))
    raise typer.Exit(report.exit_code)


@app.command()
def features(
    history: HistoryArgument,
    out: OutOption,
    as_of: AsOfOption = None,
    model: ModelOption = None,
    engine: EngineOption = "local",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Writes the features of every lead as known at a moment, one row a lead."""
    from features.output.export import export_features
    from models.bundle.bundle import read_bundle
    from models.home.home import resolve_model

    feature_set = read_bundle(resolve_model(_home(), model)).feature_set if model else None
    if engine == "spark":
        from serving.batch.spark import features_on_spark

        moment = _instant("--as-of", as_of) or _now()
        made = features_on_spark(history, as_of=moment, out=str(out), feature_set=feature_set)
        _tell(made.summary(), as_json=as_json, quiet=quiet)
        return
    with _progress(shown=not (as_json or quiet)) as progress:
        exported = export_features(
            history,
            as_of=_instant("--as-of", as_of) or _now(),
            out=out,
            feature_set=feature_set,
            progress=progress,
        )
    _tell(exported.summary(), as_json=as_json, quiet=quiet)


@app.command()
def train(
    history: HistoryArgument,
    config: ConfigOption = None,
    observed_until: UntilOption = None,
    quick: QuickOption = False,
    promote: PromoteOption = False,
    engine: EngineOption = "local",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Fits a model, judges it on later leads, and registers it as a version."""
    from features.engine.engine import compute_here
    from features.engine.matrix import Compute
    from training.train import train as run_training

    compute: Compute = compute_here
    if engine == "spark":
        from features.spark.examples import features_of_examples

        compute = features_of_examples(history)
    with _progress(shown=not (as_json or quiet)) as progress:
        outcome = run_training(
            history,
            home=_home(),
            config=_configuration(config, quick=quick, told=not quiet),
            observed_until=_instant("--observed-until", observed_until),
            promote=promote,
            compute=compute,
            progress=progress,
        )
    _tell(outcome.summary(), as_json=as_json, quiet=quiet, text=str(outcome))
    if outcome.refused:
        raise typer.Exit(REFUSED_BY_GATE)


@app.command()
def backtest(
    history: HistoryArgument,
    config: ConfigOption = None,
    observed_until: UntilOption = None,
    quick: QuickOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Judges what would have been trained at moments of the past, and registers nothing."""
    from training.backtest import backtest as run_backtest

    with _progress(shown=not (as_json or quiet)) as progress:
        outcome = run_backtest(
            history,
            config=_configuration(config, quick=quick, told=not quiet),
            observed_until=_instant("--observed-until", observed_until),
            progress=progress,
        )
    _tell(outcome.summary(), as_json=as_json, quiet=quiet, text=str(outcome))


@app.command()
def models(as_json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Lists the versions, and which one answers."""
    from models.registry.registry import open_registry

    listing = open_registry(_home()).list_versions()
    _tell(listing.summary(), as_json=as_json, quiet=quiet, text=str(listing))


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="Its number, as `leadodds models` lists it.")],
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Makes a version the champion."""
    from models.registry.registry import open_registry

    _tell({"champion": open_registry(_home()).promote(version)}, as_json=as_json, quiet=quiet)


@app.command()
def rollback(as_json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Makes the previous champion the champion again."""
    from models.registry.registry import open_registry

    _tell({"champion": open_registry(_home()).rollback()}, as_json=as_json, quiet=quiet)


@app.command()
def score(
    history: HistoryArgument,
    out: TargetOption,
    as_of: AsOfOption = None,
    model: ModelOption = None,
    resume: ResumeOption = False,
    workers: WorkersOption = None,
    engine: EngineOption = "local",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Scores every lead that exists at a moment, with reasons."""
    if engine == "spark":
        from serving.batch.spark import refuse_local_options, score_on_spark

        refuse_local_options(resume=resume, workers=workers)
        moment = _instant("--as-of", as_of)
        done = score_on_spark(history, home=_home(), as_of=moment, out=out, scored_at=_now(), model=model)
        _tell(done.summary(), as_json=as_json, quiet=quiet, text=str(done))
        raise typer.Exit(done.exit_code)
    from serving.batch.call_list import call_list
    from serving.batch.run import score_history

    with _progress(shown=not (as_json or quiet)) as shown, _timed(shown) as (progress, seconds):
        outcome = score_history(
            history,
            home=_home(),
            as_of=_instant("--as-of", as_of),
            out=out,
            scored_at=_now(),
            model=model,
            resume=resume,
            workers=workers,
            progress=progress,
        )
    text = "" if as_json or quiet else f"{outcome}\n{call_list(out)}"
    _tell({**outcome.summary(), "seconds": seconds}, as_json=as_json, quiet=quiet, text=text)
    raise typer.Exit(outcome.exit_code)


@app.command()
def replay(
    score_id: Annotated[str, typer.Argument(help="The score_id of an answer of GET /v1/leads/{id}/score.")],
    database: Annotated[
        str | None,
        typer.Option(help="URL of the service's database; LEADODDS_DATABASE, or that of the home."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Folder of the bundle, where the home no longer holds it.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Computes a score again from what was stored when it was given, and compares to the last bit."""
    from serving.settings import read_settings
    from serving.stored_leads.replay import replay_score

    url = database or read_settings(home=_home()).store_url
    replayed = replay_score(score_id, database=url, home=_home(), model=model, now=_now())
    _tell(replayed.summary(), as_json=as_json, quiet=quiet, text=str(replayed))
    raise typer.Exit(replayed.exit_code)


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on, 127.0.0.1 by default; loopback without keys.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on, 8000 by default; 0 takes a free one.")
    ] = None,
    model: ModelOption = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes, 1 by default; more than one needs PostgreSQL.")
    ] = None,
) -> None:
    """Answers over HTTP until it is stopped; LEADODDS_HOST and the like stand in for absent options."""
    from serving.server import serve as run_server

    run_server(home=_home(), host=host, port=port, model=model, workers=workers)


keys = typer.Typer(no_args_is_help=True, help="Makes, lists and revokes the keys that a server asks for.")
app.add_typer(keys, name="keys")


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="Who uses it, such as the name of a CRM.")],
    scope: Annotated[str, typer.Option(help="Some of score, write, admin, metrics, parted by commas.")],
    expires: Annotated[
        str | None, typer.Option(help="From when it is refused: 90d from now, or a time with a zone.")
    ] = None,
    requests_per_second: Annotated[
        float | None, typer.Option(help="How often it may ask; as often as any key unless given.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Makes a key and prints it, this once: only its hash is kept. A server takes it within a second."""
    from serving.keys.commands import create

    now = _now()
    ends = None if expires is None else _ends(expires, now=now)
    made = create(
        name, scope, home=_home(), now=now, expires_at=ends, requests_per_second=requests_per_second
    )
    _tell(made, as_json=as_json, quiet=quiet)


@keys.command("list")
def list_keys(as_json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Lists the keys, what they are good for, and until when; never the keys themselves."""
    from serving.keys.commands import list_all, table_of

    listed = list_all(home=_home(), now=_now())
    _tell({"keys": listed}, as_json=as_json, quiet=quiet, text=table_of(listed))


@keys.command("revoke")
def revoke_key(
    name: Annotated[str, typer.Argument(help="The name of a key, or its id.")],
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Revokes a key for ever; a server refuses it within a second."""
    from serving.keys.commands import revoke

    _tell({"revoked": revoke(name, home=_home())}, as_json=as_json, quiet=quiet)


@app.command()
def pull(
    every: Annotated[
        str | None, typer.Option(help="Go on for ever, looking again after 30s, 5m ...; once unless given.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Fetches the champion of MLFLOW_TRACKING_URI into the home, where a server picks it up."""
    from models.registry.pull import pull_champion, pull_for_ever

    if every is not None:
        seconds = parse_duration(every, item="--every") / US_PER_SECOND
        for facts in pull_for_ever(_home(), seconds=seconds):
            _tell(facts, as_json=as_json, quiet=quiet and "refused" not in facts)
        return
    _tell(pull_champion(_home()).summary(), as_json=as_json, quiet=quiet)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits with its code; a fault of the input is told on standard error."""
    try:
        app(arguments)
    except LeadOddsError as error:
        typer.echo(error, err=True)
        sys.exit(error.exit_code)


def _home() -> Path:
    """The folder that holds all state."""
    return Path(os.environ.get("LEADODDS_HOME", "models/store"))


def _now() -> int:
    """The only look at the clock; everything inside is given its moment."""
    return to_us(datetime.now(UTC))


def _ends(text: str, *, now: int) -> int:
    """Reads until when: a duration from now on, or a moment."""
    if text[:4].isdecimal() and "-" in text:
        return parse_time(text, item="--expires")
    return now + parse_duration(text, item="--expires")


def _instant(option: str, text: str | None) -> int | None:
    return None if text is None else parse_time(text, item=option)


def _configuration(path: Path | None, *, quick: bool, told: bool) -> Any:
    from training.config import TrainingConfig

    if path is None and DEFAULT_CONFIG.is_file():
        path = DEFAULT_CONFIG
        if told:
            typer.echo(f"Configuration: {path}", err=True)
    settings = TrainingConfig.from_toml(path) if path else TrainingConfig()
    return settings.model_copy(update={"quick": True}) if quick else settings


def _tell(facts: Mapping[str, Any], *, as_json: bool, quiet: bool, text: str | None = None) -> None:
    """Prints what a subcommand found: one object for machines, a text for people, or nothing."""
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False, allow_nan=False))
    elif not quiet:
        typer.echo(text if text is not None else "\n".join(f"{name}: {fact}" for name, fact in facts.items()))


@contextmanager
def _progress(*, shown: bool) -> Iterator[Progress]:
    """Shows a bar for each stage on standard error, where a person is watching."""
    if not shown:
        yield silent
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        stages: dict[str, Any] = {}

        def show(stage: str, done: float) -> None:
            if stage not in stages:
                stages[stage] = bars.add_task(stage, total=1.0)
            bars.update(stages[stage], completed=done)

        yield show


@contextmanager
def _timed(watched: Progress) -> Iterator[tuple[Progress, dict[str, float]]]:
    """Passes progress on, and tells at the end how many seconds each stage took."""
    begun: dict[str, float] = {}
    seconds: dict[str, float] = {}

    def watch(stage: str, done: float) -> None:
        begun.setdefault(stage, time.monotonic())
        watched(stage, done)

    yield watch, seconds
    ends = [*begun.values(), time.monotonic()][1:]
    seconds |= {stage: round(end - begun[stage], 3) for stage, end in zip(begun, ends, strict=True)}


if __name__ == "__main__":
    main()
