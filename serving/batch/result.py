"""What a batch did: counts, what the history lacked, and the card that keeps them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from features.checks.input_findings import is_gone
from features.findings.problems import Problem
from features.times import format_time
from serving.batch.run_card import write_run_card


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch did.

    Attributes:
        out: the target, without a password.
        model_version: that scored the leads.
        as_of: microseconds UTC.
        by_status: number of leads of each status that occurs.
        by_band: number of leads of each band that occurs.
        failures: why leads failed, by id, in the order of the ids.
        inputs: which inputs of the model the history lacks, in whole or in part, by code.
        left_out: which rows of the history were left out, by code.
        card: file that keeps all of this in the home; None where it was not kept.
    """

    out: str
    model_version: str
    as_of: int
    by_status: dict[str, int]
    by_band: dict[str, int]
    failures: dict[str, str]
    inputs: tuple[Problem, ...] = ()
    left_out: tuple[Problem, ...] = ()
    card: Path | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What the history lacks and which of its rows were left out."""
        return (*self.inputs, *self.left_out)

    @property
    def exit_code(self) -> int:
        """3 when a lead failed or all of an input of the model is gone, else 0."""
        return 3 if self.failures or is_gone(self.inputs) else 0

    def __str__(self) -> str:
        """Writes the result for people."""
        statuses = ", ".join(f"{count} {status}" for status, count in self.by_status.items()) or "no leads"
        lines = [f"{self.out}: {statuses}; version {self.model_version}, as of {format_time(self.as_of)}"]
        return "\n".join(lines + [f"{lead_id} failed: {why}" for lead_id, why in self.failures.items()])

    def summary(self) -> dict[str, object]:
        """Writes the result for machines."""
        return {
            "out": self.out,
            "model_version": self.model_version,
            "as_of": format_time(self.as_of),
            "leads": sum(self.by_status.values()),
            "scored": self.by_status.get("scored", 0),
            "by_status": self.by_status,
            "by_band": self.by_band,
            "failures": [{"lead_id": lead_id, "reason": why} for lead_id, why in self.failures.items()],
            "inputs": [input_record(problem) for problem in self.inputs],
            "left_out": [input_record(problem) for problem in self.left_out],
            "card": None if self.card is None else str(self.card),
        }

    def with_card(self, home: Path, *, source: str, scored_at: int, accepted: Collection[str]) -> BatchResult:
        """Keeps the result as a card in the home; see `write_run_card`."""
        facts = {
            "history": source,
            **self.summary(),
            "accept_missing": [*accepted],
            "scored_at": format_time(scored_at),
        }
        del facts["card"]
        return replace(self, card=write_run_card(home, facts, target=self.out, scored_at=scored_at))


def input_record(problem: Problem) -> dict[str, object]:
    """Writes what the history lacks of one input as a JSON object."""
    return {
        "code": problem.code,
        "table": problem.table,
        "column": problem.column,
        "count": problem.count,
        "ids": [*problem.ids],
        "is_gone": is_gone([problem]),
        "sentence": problem.sentence,
        "remedy": problem.remedy,
    }
