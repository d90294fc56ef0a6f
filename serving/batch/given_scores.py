"""The scores that were given, kept in the home: what became of the leads is compared with them later.

Every run that wrote files has Parquet files with exactly the columns of a score there, one for each part:
`Home.score_history`, named `<moment>-<target>-<part>.parquet`. A run that writes to a database keeps
them there, in the table `scores_history`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.output.targets import PART_PATTERN, flush, place_of
from features.times import US_PER_DAY
from models.home.home import Home
from models.home.locks import locked
from serving.batch.run_card import moment_name, run_name
from serving.settings import read_settings

_PARTS: Final = "[0-9]*.parquet"
_UNFINISHED: Final = ".unfinished"
# Held by all who write to the folder: what is unfinished then is nobody's.
_LOCK: Final = ".lock"


@dataclass(frozen=True, slots=True)
class Keeping:
    """How the scores of a run are kept.

    Attributes:
        home: folder of all state.
        scored_at: microseconds UTC.
        before: scores made before are over their time, microseconds UTC; None: none ever is.
    """

    home: Path
    scored_at: int
    before: int | None


def keeping_of(
    home: Path, *, scored_at: int, as_of: int, observed_until: int, longest_horizon_days: float
) -> Keeping | None:
    """Decides whether the scores of a run are kept, and for how long.

    Only predictions are: of a moment before the end of the training the model knows what came of it.

    Args:
        home: folder of all state.
        scored_at: microseconds UTC.
        as_of: moment of the scores, microseconds UTC.
        observed_until: end of the training, microseconds UTC.
        longest_horizon_days: of the model.
    """
    if as_of < observed_until:
        return None
    days = read_settings(home=home).history_days(longest_horizon_days)
    return Keeping(home, scored_at, scored_at - round(days * US_PER_DAY) if days else None)


def keep_files(written: Path, keeping: Keeping, *, target: str) -> None:
    """Copies the scores of a run into the home, and removes runs that are over their time.

    A home that cannot be written costs no run its scores.

    Args:
        written: a Parquet file, or a folder of parts.
        keeping: how.
        target: of the run, without a password.
    """
    place = place_of(written)
    folder = Home(keeping.home.absolute()).score_history
    run = run_name(target, keeping.scored_at)
    parts = sorted(place.glob(PART_PATTERN)) if place.is_dir() else [place]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, part in enumerate(parts):
            _replace(folder / f"{run}-{number:05d}.parquet", partial(shutil.copyfile, part))
        _remove_old(folder, keeping)
    except OSError:
        return


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Writes a file in one step, and removes what a killed process began."""
    beside = path.with_name(f".{path.name}{_UNFINISHED}")
    with locked(path.parent / _LOCK):
        try:
            write(beside)
            flush(beside)
            beside.replace(path)
            flush(path.parent)
        finally:
            for left in _unfinished(path.parent):
                left.unlink(missing_ok=True)


def _unfinished(folder: Path) -> list[Path]:
    return [*folder.glob(f".*{_UNFINISHED}")]


def remove_unfinished(home: Path) -> None:
    """Removes what killed runs left, which no erasure looks into; nothing while another process writes."""
    folder = Home(home).score_history
    if left := _unfinished(folder):
        with suppress(BlockingIOError), locked(folder / _LOCK, waits=False):
            for path in left:
                path.unlink(missing_ok=True)


def _remove_old(folder: Path, keeping: Keeping) -> None:
    if keeping.before is None:
        return
    oldest = moment_name(keeping.before)
    for part in folder.glob(_PARTS):
        if part.name < oldest:
            part.unlink(missing_ok=True)


def kept_parts(home: Path) -> list[Path]:
    """Lists the files of all runs, the oldest run first."""
    return sorted(Home(home).score_history.glob(_PARTS))


class Erasing:
    """Removes leads that were erased from the files of a home; files without one are read once."""

    def __init__(self, home: Path, is_erased: Callable[[Sequence[str]], Iterable[str]]) -> None:
        self._home = home
        self._is_erased = is_erased
        self._looked_at: dict[Path, int] = {}

    def sweep(self, stamp: int) -> dict[Path, int]:
        """Looks at the files that are new, or at all where more leads were erased.

        Args:
            stamp: another number where other leads are erased.

        Returns:
            Rows that were removed, by file that was written anew.
        """
        remove_unfinished(self._home)
        files = sorted(Home(self._home).score_history.glob("*.parquet"))
        known, removed = pa.array([], pa.string()), {}
        gone: pa.Array = known
        for part in (file for file in files if self._looked_at.get(file) != stamp):
            ids = pq.read_table(part, columns=["lead_id"])["lead_id"].cast(pa.string()).combine_chunks()
            new = ids.filter(pc.invert(pc.is_in(ids, known))).unique()
            if len(new):
                known = pa.concat_arrays([known, new])
                found = sorted(self._is_erased(new.to_pylist()))
                gone = pa.concat_arrays([gone, pa.array(found, pa.string())])
            if count := pc.sum(pc.is_in(ids, gone)).as_py():
                _replace(part, partial(_write_without, part, gone))
                removed[part] = count
            self._looked_at[part] = stamp
        return removed


def _write_without(part: Path, gone: pa.Array, beside: Path) -> None:
    rows = pq.read_table(part)
    pq.write_table(rows.filter(pc.invert(pc.is_in(rows["lead_id"].cast(pa.string()), gone))), beside)
