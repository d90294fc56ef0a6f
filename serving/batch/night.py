"""The work of one process of a batch: a partition scored and set down, a piece of the whole written."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from features.findings.problems import Finding
from features.partitions.merging import write_rows
from features.partitions.partitions import Partitions, finding_of
from models.bundle.bundle import read_bundle
from serving.batch.checkpoint import keep, kept
from serving.batch.worker import Asked, score_leads
from serving.scoring.predictor import Predictor


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of the leads of a partition, or of several.

    Attributes:
        by_status: number of leads by status.
        by_band: number of leads by band, those without one left out.
        failures: why leads failed, by id.
        found: what is wrong with the interactions.
    """

    by_status: dict[str, int]
    by_band: dict[str, int]
    failures: dict[str, str]
    found: tuple[Finding, ...]


def scores_path(folder: Path, partition: int) -> Path:
    """File of the scores of a partition."""
    return folder / f"scores-{partition:04d}.arrow"


def read_tally(folder: Path, partition: int) -> Tally | None:
    """Reads what came of a partition; None where its scores are not finished."""
    told = kept(scores_path(folder, partition).with_suffix(".json"))
    return None if told is None else Tally(**{**told, "found": tuple(map(finding_of, told["found"]))})


def score_partition(
    partitions: Partitions, number: int, folder: Path, bundle: tuple[Path, str], asked: Asked
) -> Tally:
    """Scores a partition and sets its rows down in one step.

    Args:
        partitions: all of them.
        number: of the one that is scored.
        folder: where scores go.
        bundle: folder and digest of the version that answers.
        asked: what is asked of every lead.
    """
    history, found = partitions.read(number)
    tally = Tally({}, {}, {}, found)
    if history is not None:
        scored = score_leads(history, predictor=load_predictor(*bundle), asked=asked)
        write_rows(scores_path(folder, number), scored.table)
        tally = Tally(scored.count("status"), scored.count("band"), scored.failures, found)
    keep(scores_path(folder, number).with_suffix(".json"), asdict(tally))
    return tally


@lru_cache(maxsize=1)
def load_predictor(folder: Path, _digest: str) -> Predictor:
    """Reads a version once in each process."""
    return Predictor.from_bundle(read_bundle(folder))
