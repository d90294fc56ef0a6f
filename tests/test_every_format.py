"""One export in every format: the same history to the byte, and the same numbered problems."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from features.checks.checks import examine
from features.sources.open_source import Source
from tests.support.builders import bytes_of
from tests.support.exports.formats import FORMATS, as_postgresql
from tests.support.exports.random_exports import Export, Tables, exports
from tests.support.stores import running_postgresql

Writers = Mapping[str, Callable[[Path, Tables], Source]]


@pytest.mark.parametrize("examples", [300, pytest.param(10_000, marks=pytest.mark.long)])
def test_examine__finds_the_same_in_every_format(tmp_path: Path, examples: int) -> None:
    _compare(FORMATS, tmp_path, examples=examples)


@pytest.mark.all
@pytest.mark.parametrize("examples", [40, pytest.param(1_000, marks=pytest.mark.long)])
def test_examine__finds_the_same_in_postgresql(tmp_path: Path, examples: int) -> None:
    with running_postgresql() as url:
        writers = {
            "Parquet": FORMATS["Parquet"],
            "PostgreSQL": lambda _, tables: as_postgresql(url, tables),
        }

        _compare(writers, tmp_path, examples=examples)


def _compare(writers: Writers, folder: Path, *, examples: int) -> None:
    """Writes random exports in some formats, and compares what each says with what the first says."""

    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(exports())
    def are_equal(export: Export) -> None:
        first, *others = writers
        expected = _seen(writers[first](_emptied(folder / "export"), export.tables), export)
        for name in others:
            seen = _seen(writers[name](_emptied(folder / "export"), export.tables), export)

            assert seen == expected, f"{name} differs from {first}"

    are_equal()


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _seen(source: Source, export: Export) -> Any:
    """The history to the byte, None where there is none; and the problems in words."""
    history, problems = examine(source, attribute_types=export.types, with_plausibility=True)
    if history is None:
        return None, [*map(str, problems)]
    # Columns of Parquet have a type; only where it is inferred from texts are these kept beside the values.
    read = {name: attribute._replace(written=None) for name, attribute in history.attributes.items()}
    return bytes_of(replace(history, attributes=read)), [*map(str, problems)]
