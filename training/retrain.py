"""Retraining by a clock: check, train, gate, and promote or explain; the champion stays whatever fails."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from features.errors import LeadOddsError
from features.progress import Progress, silent
from features.sources.open_source import Source
from features.times import US_PER_DAY, US_PER_SECOND, format_time
from models.home.decisions import Decision, note_decision, read_decisions
from models.home.home import Home
from models.home.locks import locked
from training.config import TrainingConfig
from training.monitoring.monitor import monitor
from training.results import TrainingOutcome
from training.train import train

_LOCK: Final = "retrain.lock"
# Verdicts of the monitor after which there is nothing to train: broken inputs would be learnt.
_WAITS: Final = "wait"
# After a refusal the verdict stands: the same data would be refused again, so a week of new ones is awaited.
_DAYS_AFTER_REFUSAL: Final = 7


class RetrainingRunsError(LeadOddsError):
    """A home in which another retraining is at work."""

    def __init__(self, home: Path) -> None:
        super().__init__(f"Another retraining is at work in {home}. Wait for it, or end it.")


@dataclass(frozen=True, slots=True)
class RetrainOutcome:
    """What a retraining decided.

    Attributes:
        champion: the version that answers now; None where none does.
        before: the version that answered before.
        sentence: the decision and its reason.
        action: what the monitor advises, where it was asked.
        training: the training; None where none was needed.
    """

    champion: str | None
    before: str | None
    sentence: str
    action: str | None = None
    training: TrainingOutcome | None = None

    @property
    def refused(self) -> bool:
        """Whether a version was trained, and the gate refused it."""
        return self.training is not None and self.training.refused

    def __str__(self) -> str:
        """Writes it for people."""
        return "\n".join([self.sentence, *([] if self.training is None else [str(self.training)])])

    def summary(self) -> dict[str, Any]:
        """Writes it for machines."""
        return {
            "champion": self.champion,
            "before": self.before,
            "decision": self.sentence,
            "action": self.action,
            "training": None if self.training is None else self.training.summary(),
        }


def retrain(
    source: Source,
    *,
    home: Path,
    config: TrainingConfig,
    now: int,
    when_needed: bool = False,
    observed_until: int | None = None,
    progress: Progress = silent,
) -> RetrainOutcome:
    """Trains a challenger and promotes it if the gate allows it; every decision is in the log of the home.

    The pointer moves last, in one step: a retraining that fails or is killed leaves the champion as it was.

    Args:
        source: a folder, a database URL, or tables in memory.
        home: the folder that holds all state.
        config: everything that can be set.
        now: microseconds UTC.
        when_needed: asks the monitor first, and trains only where its verdict calls for it.
        observed_until: last instant for which outcomes are complete, microseconds UTC.
        progress: called as the stages advance.

    Raises:
        RetrainingRunsError: another one is at work.
        LeadOddsError: what stops a training, or the monitor.
    """
    stored = Home(home)
    before = stored.champion()
    began = time.monotonic()

    def note(version: str | None, sentence: str) -> None:
        at = now + round((time.monotonic() - began) * US_PER_SECOND)
        note_decision(stored, "retrain", version, at=at, reason=sentence)

    with _alone(home):
        try:
            need = _need(source, stored, when_needed=when_needed, now=now, config=config)
            action, reason = need.action, need.reason
            if not need.is_needed:
                sentence = f"Not needed, version {before} stays: {reason}"
                note(None, sentence)
                return RetrainOutcome(before, before, sentence, action)
            outcome = train(
                source,
                home=home,
                config=config,
                observed_until=observed_until,
                now=now,
                promote=True,
                reason=f"Retrained: {reason}",
                progress=progress,
            )
        except Exception as error:
            # The message of a library's error may hold cells of the history.
            why = str(error) if isinstance(error, LeadOddsError) else type(error).__name__
            note(None, f"Failed, {_staying(before)}: {why}")
            raise
        sentence = _sentence(outcome, before, reason)
        note(outcome.model_version, sentence)
    return RetrainOutcome(stored.champion(), before, sentence, action, outcome)


class _Need(NamedTuple):
    """Whether to train, what the monitor advises (None where it is not asked), and the reason."""

    is_needed: bool
    action: str | None
    reason: str


def _need(source: Source, home: Home, *, when_needed: bool, now: int, config: TrainingConfig) -> _Need:
    """Asks the monitor whether to train, and the log whether the gate has just refused to."""
    if not when_needed:
        return _Need(True, None, "on schedule")
    if home.champion() is None:
        return _Need(True, None, "no version answers yet")
    verdict = monitor(source, home=home.path, as_of=now, config=config).verdict
    reason = f"the monitor says: {verdict.sentence}"
    if verdict.action == _WAITS:
        return _Need(False, verdict.action, reason)
    refused = _last_refusal(home, now=now)
    if refused is None:
        return _Need(True, verdict.action, reason)
    return _Need(False, verdict.action, f"{_after(refused)}; {reason}")


def _last_refusal(home: Home, *, now: int) -> Decision | None:
    """Finds the refusal of the last days by the champion that answers still; None where there is none."""
    champion, since = home.champion(), now - _DAYS_AFTER_REFUSAL * US_PER_DAY
    for decision in read_decisions(home):
        is_refusal = decision.action == "retrain" and decision.version not in (None, decision.before)
        if is_refusal and decision.before == champion and decision.at > since:
            return decision
    return None


def _after(refused: Decision) -> str:
    return (
        f"version {refused.version} was refused at {format_time(refused.at)[:19]}, and the next is trained "
        f"{_DAYS_AFTER_REFUSAL} days later at the earliest"
    )


def _sentence(outcome: TrainingOutcome, before: str | None, reason: str) -> str:
    trained = f"Version {outcome.model_version} was trained ({reason})"
    if outcome.is_promoted:
        return f"{trained} and answers now. {outcome.verdict.sentence}"
    return f"{trained} and refused, {_staying(before)}. {outcome.verdict.sentence}"


def _staying(before: str | None) -> str:
    return "still no version answers" if before is None else f"version {before} stays"


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(locked(home / _LOCK, waits=False))
        except BlockingIOError:
            raise RetrainingRunsError(home) from None
        yield
