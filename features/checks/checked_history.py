"""The front of this room: a history, read from a folder or a database, or made of one lead's own rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from features.checks.checks import examine
from features.findings.problems import HistoryError, Problem, accept
from features.history.fingerprint import digest_history
from features.history.lead_history import (
    CONVERTED,
    INBOUND,
    LOST,
    NO_DIRECTION,
    OPEN,
    OUTBOUND,
    Attribute,
    AttributeChanges,
    AttributeType,
    Bools,
    Categories,
    Codes,
    Floats,
    Interactions,
    Ints,
    LeadHistory,
    Outcomes,
)
from features.history.text_rule import TextRule
from features.inputs.interaction_inputs import InteractionInputs
from features.inputs.lead_inputs import LeadInput, history_of_leads
from features.progress import Progress, silent
from features.sources.open_source import Source, display_name

__all__ = [
    "CONVERTED",
    "INBOUND",
    "LOST",
    "NO_DIRECTION",
    "OPEN",
    "OUTBOUND",
    "Attribute",
    "AttributeChanges",
    "AttributeType",
    "Bools",
    "Categories",
    "CheckedHistory",
    "Codes",
    "Floats",
    "InteractionInputs",
    "Interactions",
    "Ints",
    "LeadHistory",
    "LeadInput",
    "Outcomes",
    "history_of_leads",
    "read_history",
]


@dataclass(frozen=True, slots=True)
class CheckedHistory:
    """A history that may be used, and what was found while reading it.

    Attributes:
        history: the rows that remain after what is left out was left out.
        problems: everything found, none of which stops the use it was read for.
    """

    history: LeadHistory
    problems: tuple[Problem, ...]

    @property
    def digests(self) -> Mapping[str, str]:
        """SHA-256 of the content by table; the same for the same rows in any order and any format."""
        return digest_history(self.history)


def read_history(
    source: Source,
    *,
    observed_until: int | None = None,
    attribute_types: Mapping[str, AttributeType] | None = None,
    text_rule: TextRule | None = None,
    for_training: bool = False,
    horizon_days: float = 30.0,
    accepted_codes: Collection[str] = (),
    progress: Progress = silent,
) -> CheckedHistory:
    """Reads a history and checks all of it.

    Args:
        source: a folder of Parquet or CSV tables, a database URL, or tables in memory.
        observed_until: last instant for which outcomes are complete, microseconds UTC; by default the latest
            instant at which anything became known. Nothing is cut there.
        attribute_types: types by attribute name, where they are not to be told from the values: scoring gives
            those of its model, so that the type never depends on the rows at hand.
        text_rule: by which cells are read; None: that of the history. Scoring gives that of its model.
        for_training: whether what stops only training stops here.
        horizon_days: the history must be at least as long as this to train on.
        accepted_codes: of problems that a person answers for; they stop nothing.
        progress: is told each table.

    Returns:
        The history and the problems found.

    Raises:
        HistoryError: something stops; the text is the numbered list of all that does.
    """
    history, problems = examine(
        source,
        observed_until=observed_until,
        attribute_types=attribute_types,
        text_rule=text_rule,
        horizon_days=horizon_days,
        with_plausibility=for_training,
        progress=progress,
    )
    problems = accept(problems, accepted_codes)
    stopping = {"everything", "training"} if for_training else {"everything"}
    stops = [problem for problem in problems if problem.stops in stopping]
    if history is None or stops:
        raise HistoryError(display_name(source), stops)
    return CheckedHistory(history=history, problems=problems)
