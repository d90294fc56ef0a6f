"""Removes leads that the service erased from files and tables beside its database: the nightly targets.

The service keeps salted hashes of erased ids. Whatever has a column `lead_id` is read, each id is hashed, and
the rows of erased leads are left out of a new file that replaces the old one in one step.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from features.errors import LeadOddsError
from features.output.targets import flush, replace_file
from features.sources.connections import open_engine, redacted_url
from models.home.home import Home
from serving.batch.given_scores import Erasing
from serving.database.schema import ERASED
from serving.intake.items import erased_hash, hash_of_score
from serving.store.store import Store

# Of the home: what holds no rows of leads, is of others, or has its own lock.
_NOT_SEARCHED: Final = frozenset({"bundles", "artifacts", "scores_history"})
_GONE: Final = "erased"
# What a sentence may put around an id.
_PUNCTUATION: Final = ".,;:!?()[]{}\"'`"
_AT_ONCE: Final = 500


class ErasedTargetError(LeadOddsError):
    """A named target that cannot be read."""

    def __init__(self, target: str, *, fault: str) -> None:
        super().__init__(f"{target} {fault}. Name files, folders or databases that `leadodds score` wrote.")


@dataclass(frozen=True, slots=True)
class ErasedIds:
    """The ids that were erased, as far as the service knows them.

    Attributes:
        hashes: of leads and scores.
        salt: of the hashes.
    """

    hashes: frozenset[bytes]
    salt: bytes

    @classmethod
    def of_store(cls, store: Store) -> ErasedIds:
        """Reads them from the database of the service."""
        read = sa.select(ERASED.c.hash)
        return cls(
            frozenset(store.read(lambda connection: {*map(bytes, connection.scalars(read))})), store.salt
        )

    def has_lead(self, lead_id: str) -> bool:
        """Tells whether a lead was erased; an id that a spreadsheet would run has a mark before it in CSV."""
        return any(
            erased_hash(self.salt, "lead", text) in self.hashes for text in {lead_id, lead_id.lstrip("'")}
        )

    def has(self, text: str) -> bool:
        """Tells whether a text is the id of an erased lead or of its score."""
        return self.has_lead(text) or hash_of_score(self.salt, text) in self.hashes


def remove_erased(erased: ErasedIds, *, home: Path, targets: Sequence[str] = ()) -> dict[str, int]:
    """Removes erased leads from all files of a home and from named targets.

    Args:
        erased: the ids.
        home: folder of all state; bundles, which hold no rows of leads, and the artifacts of MLflow stay.
        targets: files, folders and addresses of databases, as `leadodds score` wrote them.

    Returns:
        By file or address, without a password, the number of rows that were removed; those without are left
        out.

    Raises:
        ErasedTargetError: a target cannot be read.
    """
    if not erased.hashes:
        return {}
    try:
        kept = Erasing(home, lambda ids: filter(erased.has_lead, ids)).sweep(0)
    except (OSError, pa.ArrowInvalid) as error:
        raise ErasedTargetError(str(Home(home).score_history), fault=f"cannot be read: {error}") from None
    counts = {str(path.relative_to(home)): count for path, count in kept.items()}
    counts |= {str(path.relative_to(home)): _clean(path, erased) for path in _files(home, _NOT_SEARCHED)}
    for target in targets:
        if "://" in target:
            counts |= _clean_database(target, erased)
            continue
        place = Path(target)
        if not place.exists():
            raise ErasedTargetError(target, fault="is not there")
        counts |= {str(path): _clean(path, erased) for path in _files(place, frozenset())}
    return {name: count for name, count in counts.items() if count}


def _files(place: Path, left_out: frozenset[str]) -> Iterator[Path]:
    """Lists the files that may hold rows; of a folder all below it."""
    paths = [place] if place.is_file() else sorted(place.rglob("*"))
    for path in paths:
        if path.suffix in _CLEANERS and path.is_file() and left_out.isdisjoint(path.relative_to(place).parts):
            yield path


def _clean(path: Path, erased: ErasedIds) -> int:
    partial = path.with_name(f".{path.name}.erasing")
    try:
        count = _CLEANERS[path.suffix](path, partial, erased)
        if count:
            flush(partial)
            replace_file(partial, path)
            flush(path.parent)
    except (OSError, pa.ArrowInvalid, csv.Error, ValueError) as error:
        raise ErasedTargetError(str(path), fault=f"cannot be read: {error}") from None
    finally:
        partial.unlink(missing_ok=True)
    return count


def _clean_parquet(path: Path, partial: Path, erased: ErasedIds) -> int:
    with pq.ParquetFile(path) as file:
        if "lead_id" not in file.schema_arrow.names:
            return 0
        ids = file.read(["lead_id"])["lead_id"].to_pylist()
        is_kept = np.array([id_ is None or not erased.has_lead(str(id_)) for id_ in ids], np.bool_)
        if not is_kept.all():
            pq.write_table(file.read().filter(pa.array(is_kept)), partial)
    return int(np.count_nonzero(~is_kept))


def _clean_csv(path: Path, partial: Path, erased: ErasedIds) -> int:
    """Copies the lines of all other rows as they are; a row may have several lines."""
    with (
        path.open(encoding="utf-8", newline="") as lines,
        partial.open("w", encoding="utf-8", newline="") as kept,
    ):
        own: list[str] = []

        def noted() -> Iterator[str]:
            for line in lines:
                own.append(line)
                yield line

        rows = csv.reader(noted())
        head = next(rows, [])
        if "lead_id" not in head:
            return 0
        place, count = head.index("lead_id"), 0
        kept.write("".join(own))
        own.clear()
        for row in rows:
            if len(row) > place and erased.has_lead(row[place]):
                count += 1
            else:
                kept.write("".join(own))
            own.clear()
    return count


def _clean_json(path: Path, partial: Path, erased: ErasedIds) -> int:
    """Replaces ids anywhere in a document, such as what a monitor found."""
    count = 0

    def cleaned(part: Any) -> Any:
        nonlocal count
        if isinstance(part, dict):
            return {name: cleaned(value) for name, value in part.items()}
        if isinstance(part, list):
            return [cleaned(value) for value in part]
        if isinstance(part, str) and erased.has(part):
            count += 1
            return _GONE
        return part

    document = cleaned(json.loads(path.read_text(encoding="utf-8")))
    if count:
        partial.write_text(json.dumps(document) + "\n", encoding="utf-8")
    return count


def _clean_json_lines(path: Path, partial: Path, erased: ErasedIds) -> int:
    """Replaces ids that somebody typed into a reason, in the log of decisions."""
    count, lines = 0, []
    for line in path.read_text(encoding="utf-8").split("\n"):
        facts, found = json.loads(line) if line else None, 0
        if isinstance(facts, dict) and isinstance(facts.get("reason"), str):
            facts["reason"], found = _without_ids(facts["reason"], erased)
        count += found
        lines.append(json.dumps(facts, ensure_ascii=False) if found else line)
    if count:
        partial.write_text("\n".join(lines), encoding="utf-8")
    return count


def _without_ids(sentence: str, erased: ErasedIds) -> tuple[str, int]:
    """Replaces the words of a sentence that are ids; what follows "version" is none."""
    words, count = re.split(r"(\s+)", sentence), 0
    for place, word in enumerate(words):
        is_version = place > 1 and words[place - 2].lower() == "version"
        core = next((text for text in (word, word.strip(_PUNCTUATION)) if text and erased.has(text)), None)
        if core is not None and not is_version:
            words[place] = word.replace(core, _GONE, 1)
            count += 1
    return "".join(words), count


_CLEANERS: Final = {
    ".parquet": _clean_parquet,
    ".csv": _clean_csv,
    ".json": _clean_json,
    ".jsonl": _clean_json_lines,
}


def _clean_database(url: str, erased: ErasedIds) -> dict[str, int]:
    """Deletes from every table that the night writes to."""
    counts = {}
    try:
        engine = open_engine(url)
        with engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA secure_delete = ON")
            present = {*sa.inspect(connection).get_table_names()}
            for name in ("scores", "scores_history"):
                if name in present:
                    counts[f"{redacted_url(url)} {name}"] = _delete(
                        connection, sa.table(name, sa.column("lead_id")), erased
                    )
        if engine.dialect.name == "sqlite":
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()
    except sa.exc.SQLAlchemyError as error:
        raise ErasedTargetError(
            sa.make_url(url).render_as_string(), fault=f"fails: {type(error).__name__}"
        ) from None
    return counts


def _delete(connection: sa.Connection, table: Any, erased: ErasedIds) -> int:
    ids = [id_ for id_ in connection.scalars(sa.select(table.c.lead_id).distinct()) if erased.has_lead(id_)]
    parts = (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
    return sum(
        connection.execute(sa.delete(table).where(table.c.lead_id.in_(part))).rowcount for part in parts
    )
