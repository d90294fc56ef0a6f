"""Loads a history and then has every lead scored, so that the list is right when the command ends."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from features.partitions.pool import cores_count
from features.progress import Progress, silent
from models.errors import NoChampionError
from models.home.home import Home
from serving.clock import Clock
from serving.database.engine import expect_many_rows
from serving.loading.load import LoadResult, load_history
from serving.rescoring.rescorer import AFTER_A_LOADING, Rescorer
from serving.rescoring.scoring_processes import ScoringProcesses
from serving.scoring.live_model import LiveModel
from serving.settings import secret_file_of
from serving.store.given_scores import add_current
from serving.store.staleness import read_staleness
from serving.store.store import Store


@dataclass(frozen=True, slots=True)
class ScoredLoad:
    """What a loading did, and which model scored the leads.

    Attributes:
        loaded: the loading.
        model_version: None where there is no model yet: the server scores the leads once there is one.
        leads_pending: leads whose score is not current.
    """

    loaded: LoadResult
    model_version: str | None
    leads_pending: int

    @property
    def exit_code(self) -> int:
        """3 when rows were refused, else 0."""
        return self.loaded.exit_code

    def __str__(self) -> str:
        """Writes the result for people."""
        scored = (
            "Not scored: there is no model yet; the server scores the leads once one is promoted."
            if self.model_version is None
            else f"All leads are scored by version {self.model_version}."
        )
        return f"{self.loaded}\n{scored}"

    def summary(self) -> dict[str, object]:
        """Writes the result for machines."""
        own = {"model_version": self.model_version, "leads_pending": self.leads_pending}
        return {**self.loaded.summary(), **own}


def load_and_score(
    source: str,
    *,
    database: str,
    home: Path,
    clock: Clock,
    model: str | None = None,
    workers: int | None = None,
    progress: Progress = silent,
) -> ScoredLoad:
    """Loads a history as `load_history` does, and scores all leads whose score is not current.

    Args:
        source: a folder or a database URL.
        database: URL of the service's database.
        home: folder of the models.
        clock: of the moments of writing and scoring.
        model: version or folder of the server; None is the champion, or no scores where there is none.
        workers: number of processes that prepare rows, and that score leads.
        progress: called with the progress of the work.

    Raises:
        LeadOddsError: the history, the model or the database is refused.
    """
    live = _live(home, model)
    types = None if live is None else live.predictor.attribute_types
    loaded = load_history(
        source,
        database=database,
        home=home,
        clock=clock,
        attribute_types=types,
        workers=workers,
        progress=progress,
    )
    store = Store(database, clock=clock, secret_file=secret_file_of(home))
    try:
        if live is None:
            return ScoredLoad(loaded, None, store.read(lambda found: read_staleness(found, "").leads_pending))
        store.write(lambda connection, _: expect_many_rows(connection)).result()
        processes = ScoringProcesses(database, cores_count() if workers is None else workers)
        rescorer = Rescorer(store, live, clock=clock, pace=AFTER_A_LOADING, processes=processes)
        with closing(rescorer):
            rescorer.catch_up(progress=progress)
        progress("keep", 0.0)
        add_current(store)
        progress("keep", 1.0)
        return ScoredLoad(loaded, live.predictor.model_version, 0)
    finally:
        store.close()


def _live(home: Path, model: str | None) -> LiveModel | None:
    try:
        return LiveModel(Home(home), model=model)
    except NoChampionError:
        return None
