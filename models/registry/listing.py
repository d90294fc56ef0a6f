"""The versions of a home as an object and as text, and the tags that describe each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from features.times import format_time
from models.bundle.bundle import Bundle
from models.home.decisions import Decision
from models.registry.names import CONTENT_DIGEST, gate_tag

# As text; the object has all.
_DECISIONS_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Version:
    """One registered version.

    Attributes:
        version: its number.
        run_id: of the training.
        created_at: when it was registered, microseconds UTC.
        tags: feature set, horizon and main figures.
    """

    version: str
    run_id: str | None
    created_at: int
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Listing:
    """All versions.

    Attributes:
        versions: the latest first.
        champion: the version that the registry's alias names; None where none was promoted.
        answering: the version that the pointer of this home names; its servers answer with it.
        decisions: about which version answers, the latest first.
    """

    versions: tuple[Version, ...]
    champion: str | None
    answering: str | None
    decisions: tuple[Decision, ...] = ()

    def summary(self) -> dict[str, object]:
        """The listing as an object."""
        return {
            "champion": self.champion,
            "answering": self.answering,
            "versions": [
                {
                    "version": version.version,
                    "champion": version.version == self.champion,
                    "run_id": version.run_id,
                    "created_at": format_time(version.created_at),
                    "tags": dict(version.tags),
                }
                for version in self.versions
            ],
            "decisions": [decision.to_json() for decision in self.decisions],
        }

    def __str__(self) -> str:
        """The listing as text, one line per version."""
        if not self.versions:
            return "There are no versions yet. Train one with: leadodds train HISTORY --promote"
        lines = [self._line(version) for version in self.versions]
        if self.champion != self.answering:
            lines.append(
                f"This home still answers with {self.answering or 'nothing'}, although the champion is "
                f"{self.champion or 'none'}. Promote the one that should answer."
            )
        return "\n".join([*lines, *map(str, self.decisions[:_DECISIONS_SHOWN])])

    def _line(self, version: Version) -> str:
        mark = "*" if version.version == self.champion else " "
        loss = version.tags.get("metric.log_loss", "not measured")
        return f"{mark} {version.version:>4}  {format_time(version.created_at)[:19]}  log loss {loss}"


def figures_of(bundle: Bundle) -> dict[str, float]:
    """The main figures of the card by name, without those that could not be measured."""
    values = {
        name: figure["value"] for name, figure in bundle.card.metrics.items() if isinstance(figure, Mapping)
    }
    return {name: float(value) for name, value in values.items() if isinstance(value, int | float)}


def tags_of(bundle: Bundle) -> dict[str, str]:
    """Tags that describe a version without its bundle, and the digest of its model."""
    figures = {f"metric.{name}": f"{value:.6g}" for name, value in figures_of(bundle).items()}
    return {
        "feature_set": bundle.card.feature_set,
        "horizon_days": f"{bundle.card.horizon_days:g}",
        CONTENT_DIGEST: bundle.content_digest,
        **figures,
    }


def verdict_tags(bundle: Bundle) -> dict[str, str]:
    """The verdict of the gate, one tag per rule."""
    return {gate_tag(str(row["rule"])): json.dumps(row, sort_keys=True) for row in bundle.card.verdict}
