"""Subcommands that make a history or look at one: simulate, check, features."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.times import US_PER_DAY
from leadodds_cli.options import (
    AsOfOption,
    ConfigOption,
    EngineOption,
    HistoryArgument,
    JsonOption,
    ModelOption,
    OutOption,
    QuietOption,
    UntilOption,
    find_config,
)
from leadodds_cli.output import print_facts, progress_bars
from leadodds_python.arguments import home_folder, now, read_moment


def simulate(
    out: Annotated[Path, typer.Argument(help="The folder to make.")],
    leads: Annotated[int, typer.Option(help="How many leads.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same company.")] = 7,
    until: Annotated[
        str | None,
        typer.Option(help="Its last instant, or now for today at midnight UTC; 2026-05-04 unless given."),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Makes up a company with known true odds: OUT/history and OUT/truth.parquet."""
    from leadodds_python.functions import simulate as run

    with progress_bars(shown=not (as_json or quiet)) as progress:
        today = now() // US_PER_DAY * US_PER_DAY
        end = today if until == "now" else read_moment(until, item="--until")
        summary = run(out, leads=leads, seed=seed, until=end, progress=progress)
    print_facts(summary.summary(), as_json=as_json, quiet=quiet)


def check(
    history: HistoryArgument,
    config: ConfigOption = None,
    observed_until: UntilOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Reports everything found in a history as one numbered list."""
    from leadodds_python.functions import check as run

    report = run(
        history,
        config=find_config(config, quiet=quiet),
        observed_until=read_moment(observed_until, item="--observed-until"),
    )
    print_facts(report.summary(), as_json=as_json, quiet=quiet, text=str(report))
    raise typer.Exit(report.exit_code)


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

    bundle = read_bundle(resolve_model(home_folder(), model)) if model else None
    feature_set, settings = (bundle.feature_set, bundle.card.settings) if bundle else (None, None)
    moment = read_moment(as_of, item="--as-of") or now()
    if engine == "spark":
        from serving.batch.spark import features_on_spark

        written = features_on_spark(
            history, as_of=moment, out=str(out), feature_set=feature_set, settings=settings
        )
        print_facts(written.summary(), as_json=as_json, quiet=quiet)
        return
    with progress_bars(shown=not (as_json or quiet)) as progress:
        exported = export_features(
            history, as_of=moment, out=out, feature_set=feature_set, settings=settings, progress=progress
        )
    print_facts(exported.summary(), as_json=as_json, quiet=quiet)
