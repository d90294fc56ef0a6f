"""Computes a score again from what the store held when it was given, and compares the two to the last bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from features.errors import LeadOddsError
from features.sources.connections import redacted_url
from features.times import format_time
from models.bundle.bundle import read_bundle
from models.errors import UnknownVersionError
from models.home.home import Home, resolve_model
from serving.database.schema import ERASED
from serving.database.score_tables import AUDIT
from serving.intake.erasures import is_erased
from serving.intake.items import hash_of_score
from serving.scoring.predictor import Predictor
from serving.scoring.reasons import ReasonCount
from serving.settings import secret_file_of
from serving.store.audit import GROUP_SECONDS, NUMBERS, digest_of
from serving.store.store import Store
from serving.stored_leads.score_lead import ScoreOptions, score_stored_lead

_DEFECT: Final = 1


class ScoreUnknownError(LeadOddsError):
    """A score that is not in the audit trail."""

    def __init__(self, score_id: str, *, place: str) -> None:
        super().__init__(
            f"{place} holds no score {score_id}. Scores of GET /v1/leads/{{id}}/score are kept, "
            f"{GROUP_SECONDS:g} seconds after they were given; POST /v1/score writes nothing."
        )


class ScoreErasedError(LeadOddsError):
    """A score whose lead was erased."""

    def __init__(self, score_id: str) -> None:
        super().__init__(
            f"The lead of score {score_id} was erased, and the score with it; it cannot be computed again."
        )


class ModelGoneError(LeadOddsError):
    """A score whose model is missing from the home."""

    def __init__(self, score_id: str, *, version: str, home: Path) -> None:
        super().__init__(
            f"Score {score_id} was given by version {version}, and {home} no longer holds it. "
            "Name the folder of its bundle with --model, or the home with LEADODDS_HOME."
        )


@dataclass(frozen=True, slots=True)
class Replay:
    """A score as it was given, and as it is computed now.

    Attributes:
        score_id: the score.
        lead_id: the lead.
        as_of: the moment of the prediction, microseconds UTC.
        scored_at: when it was given, microseconds UTC.
        sequence: number of the last transaction that it saw.
        model_version: that gave it.
        given: status and numbers as they were.
        computed: status and numbers of the replay.
        is_same: whether all columns are the same to the last bit, reasons and curve included.
        erasures: number of leads and ids that were erased since; they may have belonged to the same account.
    """

    score_id: str
    lead_id: str
    as_of: int
    scored_at: int
    sequence: int
    model_version: str
    given: Mapping[str, object]
    computed: Mapping[str, object]
    is_same: bool
    erasures: int

    @property
    def exit_code(self) -> int:
        """0 where both are the same, else 1."""
        return 0 if self.is_same else _DEFECT

    def __str__(self) -> str:
        """Writes the comparison for people."""
        when = f"given {format_time(self.scored_at)} as of {format_time(self.as_of)} by {self.model_version}"
        head = f"score {self.score_id} of lead {self.lead_id}, {when}, store sequence {self.sequence}"
        if self.is_same:
            return f"{head}\nthe same to the last bit: probability {self.given['probability']!r}"
        differing = [
            f"  {name}: given {cell!r}, computed {self.computed[name]!r}"
            for name, cell in self.given.items()
            if cell != self.computed[name]
        ]
        lines = [
            head,
            "DIFFERENT:",
            *(differing or ["  the numbers agree; reasons, curve or another column"]),
        ]
        if self.erasures:
            lines.append("  Leads were erased since; one of the same account would explain it.")
        return "\n".join(lines)

    def summary(self) -> dict[str, object]:
        """Writes the comparison for machines."""
        return {
            "score_id": self.score_id,
            "lead_id": self.lead_id,
            "as_of": format_time(self.as_of),
            "scored_at": format_time(self.scored_at),
            "sequence": self.sequence,
            "model_version": self.model_version,
            "same": self.is_same,
            "given": dict(self.given),
            "computed": dict(self.computed),
            "erasures_since": self.erasures,
        }


def replay_score(score_id: str, *, database: str, home: Path, model: str | None = None, now: int) -> Replay:
    """Computes a score again.

    Args:
        score_id: from the response.
        database: URL of the store.
        home: where models are kept.
        model: folder of the bundle; None: the version in the home that gave the score.
        now: microseconds UTC.

    Raises:
        ScoreUnknownError: it is not in the audit trail.
        ScoreErasedError: its lead was erased.
        ModelGoneError: its model is not in the home.
        LeadOddsError: the database or the bundle is refused.
    """
    store = Store(database, clock=lambda: now, secret_file=secret_file_of(home), must_exist=True)
    try:
        return store.read(
            lambda connection: _replay(
                connection,
                score_id,
                salt=store.salt,
                place=redacted_url(database),
                home=home,
                model=model,
                now=now,
            )
        )
    finally:
        store.close()


def _replay(
    connection: sa.Connection,
    score_id: str,
    *,
    salt: bytes,
    place: str,
    home: Path,
    model: str | None,
    now: int,
) -> Replay:
    found = connection.execute(sa.select(AUDIT).where(AUDIT.c.score_id == score_id)).mappings().first()
    if found is None:
        if is_erased(connection, hash_of_score(salt, score_id)):
            raise ScoreErasedError(score_id)
        raise ScoreUnknownError(score_id, place=place)
    predictor = _predictor(score_id, found["model_version"], home=home, model=model)
    options = ScoreOptions(found["as_of"], found["horizon_days"], _reasons(found["reasons"]))
    score, _ = score_stored_lead(
        connection, predictor, found["lead_id"], options, now=now, sequence=found["sequence"]
    )
    named = ("score_id", "lead_id", "as_of", "scored_at", "sequence", "model_version")
    own: dict[str, Any] = {name: found[name] for name in named}
    return Replay(
        **own,
        given={name: found[name] for name in NUMBERS},
        computed={name: score[name] for name in NUMBERS},
        is_same=digest_of(score) == bytes(found["digest"]),
        erasures=_erasures_since(connection, found["scored_at"]),
    )


def _predictor(score_id: str, version: str, *, home: Path, model: str | None) -> Predictor:
    try:
        predictor = Predictor.from_bundle(read_bundle(resolve_model(Home(home), model or version)))
    except UnknownVersionError:
        raise ModelGoneError(score_id, version=version, home=home) from None
    if predictor.model_version != version:
        raise ModelGoneError(score_id, version=version, home=home)
    return predictor


def _erasures_since(connection: sa.Connection, moment: int) -> int:
    since = sa.select(sa.func.count()).select_from(ERASED).where(ERASED.c.erased_at >= moment)
    return connection.scalar(since) or 0


def _reasons(stored: str) -> ReasonCount:
    return "all" if stored == "all" else int(stored)
