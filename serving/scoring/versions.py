"""Describes the versions of a home: their metrics, when each was promoted, and who decided what and why."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Final

from features.errors import LeadOddsError
from features.times import format_time
from models.bundle.bundle import read_card
from models.bundle.card import Card
from models.bundle.format import DIGESTS_FILE
from models.home.decisions import read_decisions
from models.home.home import Home
from serving.scoring.json_rows import JsonObject

# Only the newest are described, and the one in use.
MOST_VERSIONS: Final = 100
# Only the latest are shown; the file in the home keeps more.
MOST_DECISIONS: Final = 50

_FACTS: Final = ("created_at", "observed_until", "horizon_days", "feature_set")


def describe_versions(home: Home, *, in_use: str) -> JsonObject:
    """Describes the versions whose bundles lie in a home.

    Args:
        home: only its folder is read, and not MLflow.
        in_use: version of the model in use.

    Returns:
        The versions, the newest first, each with its promotions, the latest first. A version with a damaged
        bundle has a `fault` and no metrics, so that it hides no other. Then the decisions, the latest first.

    Raises:
        PastChampionsError: the file of past champions was edited.
    """
    known = home.versions()[::-1]
    shown = [version for place, version in enumerate(known) if place < MOST_VERSIONS or version == in_use]
    decisions = read_decisions(home)
    promoted_at = defaultdict(list)
    for promotion in home.promotions():
        promoted_at[promotion.version].append(format_time(promotion.promoted_at))
    return {
        "champion": home.champion(),
        "answering": in_use,
        "versions": [
            {"model_version": version, **_figures(home, version), "promoted_at": promoted_at[version]}
            for version in shown
        ],
        "versions_left_out": len(known) - len(shown),
        "decisions": [decision.to_json() for decision in decisions[:MOST_DECISIONS]],
        "decisions_left_out": max(len(decisions) - MOST_DECISIONS, 0),
    }


def _figures(home: Home, version: str) -> JsonObject:
    folder = home.bundle_folder(version)
    try:
        card = _card(folder, (folder / DIGESTS_FILE).stat().st_mtime_ns)
    except (LeadOddsError, OSError) as error:
        # The response must not show where the home lies.
        fault = str(error).replace(f"{home.path}/", "")
        return {**dict.fromkeys(_FACTS), "metrics": {}, "fault": fault}
    return {
        "created_at": format_time(card.created_at),
        "observed_until": format_time(card.observed_until),
        "horizon_days": card.horizon_days,
        "feature_set": card.feature_set,
        "metrics": card.metrics,
        "fault": None,
    }


# A bundle is written once; the time of its digests shows where it was replaced by hand.
@lru_cache(maxsize=2 * MOST_VERSIONS)
def _card(folder: Path, written_ns: int) -> Card:  # noqa: ARG001 - part of the cache key
    return read_card(folder)
