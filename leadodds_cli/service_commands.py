"""Subcommands around the service and its scores: score, load, replay, serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from leadodds_cli.options import (
    AcceptMissingOption,
    AsOfOption,
    ConfigOption,
    DatabaseOption,
    EngineOption,
    HistoryArgument,
    JsonOption,
    ModelOption,
    QuietOption,
    ResumeOption,
    TargetOption,
    WorkersOption,
    find_config,
)
from leadodds_cli.output import print_facts, print_problems, progress_bars, stage_seconds
from leadodds_python.arguments import home_folder, now, read_config, read_moment

if TYPE_CHECKING:
    from serving.batch.result import BatchResult


def score(
    history: HistoryArgument,
    out: TargetOption,
    as_of: AsOfOption = None,
    model: ModelOption = None,
    config: ConfigOption = None,
    resume: ResumeOption = False,
    workers: WorkersOption = None,
    engine: EngineOption = "local",
    accept_missing: AcceptMissingOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Scores every lead that exists at a moment, with reasons."""
    moment = read_moment(as_of, item="--as-of")
    configured = read_config(find_config(config, quiet=quiet), quick=False).accept_missing
    accepted = (*configured, *(accept_missing or ()))
    if engine == "spark":
        from serving.batch.spark import refuse_local_options, score_on_spark

        refuse_local_options(resume=resume, workers=workers)
        scored = score_on_spark(
            history,
            home=home_folder(),
            as_of=moment,
            out=out,
            scored_at=now(),
            model=model,
            accept_missing=accepted,
        )
        _explain(scored)
        print_facts(scored.summary(), as_json=as_json, quiet=quiet, text=str(scored))
        raise typer.Exit(scored.exit_code)
    from serving.batch.call_list import call_list
    from serving.batch.run import score_history

    with progress_bars(shown=not (as_json or quiet)) as bars, stage_seconds(bars) as (progress, seconds):
        outcome = score_history(
            history,
            home=home_folder(),
            as_of=moment,
            out=out,
            scored_at=now(),
            model=model,
            resume=resume,
            workers=workers,
            accept_missing=accepted,
            progress=progress,
        )
    _explain(outcome)
    text = "" if as_json or quiet else f"{outcome}\n{call_list(out)}"
    print_facts({**outcome.summary(), "seconds": seconds}, as_json=as_json, quiet=quiet, text=text)
    raise typer.Exit(outcome.exit_code)


def _explain(outcome: BatchResult) -> None:
    """Says on standard error what the history lacks, and where that is not kept."""
    print_problems(outcome.problems)
    if outcome.card is None:
        typer.echo(f"{home_folder()} cannot be written to, so the card of this run was not kept.", err=True)


def load(
    history: HistoryArgument,
    database: DatabaseOption = None,
    model: ModelOption = None,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Writes a history into the service's database, known when it was known, and scores its leads."""
    from serving.clock import SteadyClock
    from serving.loading.scored import load_and_score
    from serving.settings import read_settings

    url = database or read_settings(home=home_folder()).store_url
    with progress_bars(shown=not (as_json or quiet)) as bars, stage_seconds(bars) as (progress, seconds):
        loaded = load_and_score(
            history,
            database=url,
            home=home_folder(),
            clock=SteadyClock(),
            model=model,
            workers=workers,
            progress=progress,
        )
    print_facts({**loaded.summary(), "seconds": seconds}, as_json=as_json, quiet=quiet, text=str(loaded))
    raise typer.Exit(loaded.exit_code)


def replay(
    score_id: Annotated[str, typer.Argument(help="The score_id of an answer of GET /v1/leads/{id}/score.")],
    database: DatabaseOption = None,
    model: Annotated[
        str | None, typer.Option(help="Folder of the bundle, where the home no longer holds it.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Computes a score again from what was stored when it was given, and compares to the last bit."""
    from serving.settings import read_settings
    from serving.stored_leads.replay import replay_score

    url = database or read_settings(home=home_folder()).store_url
    replayed = replay_score(score_id, database=url, home=home_folder(), model=model, now=now())
    print_facts(replayed.summary(), as_json=as_json, quiet=quiet, text=str(replayed))
    raise typer.Exit(replayed.exit_code)


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

    run_server(home=home_folder(), host=host, port=port, model=model, workers=workers)
