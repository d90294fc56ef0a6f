"""Tells of the versions of a home: their figures, and when each of them came to answer."""

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
from models.home.home import Home
from serving.scoring.json_rows import JsonObject

# The newest are told of; what answers is among them or told of besides.
MOST_VERSIONS: Final = 100


def describe_versions(home: Home, *, answering: str) -> JsonObject:
    """Writes the versions whose bundles lie in a home.

    Args:
        home: its folder is read; MLflow is not asked.
        answering: version of the model that answers now.

    Returns:
        The versions, the newest first, each with its promotions, the latest first. One whose bundle is
        damaged has a `fault` and no figures, so that it hides no other.

    Raises:
        PastChampionsError: the file of the champions of the past was changed by somebody.
    """
    known = home.versions()[::-1]
    told = [version for place, version in enumerate(known) if place < MOST_VERSIONS or version == answering]
    promoted_at = defaultdict(list)
    for one in home.promotions():
        promoted_at[one.version].append(format_time(one.promoted_at))
    return {
        "champion": home.champion(),
        "answering": answering,
        "versions": [
            {"model_version": version, **_figures(home, version), "promoted_at": promoted_at[version]}
            for version in told
        ],
        "versions_left_out": len(known) - len(told),
    }


def _figures(home: Home, version: str) -> JsonObject:
    folder = home.bundle_folder(version)
    try:
        card = _card(folder, (folder / DIGESTS_FILE).stat().st_mtime_ns)
    except (LeadOddsError, OSError) as error:
        # Where a home lies is nobody's business.
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


_FACTS: Final = ("created_at", "observed_until", "horizon_days", "feature_set")


# A bundle is written once; the date of its digests tells of one that took its place by hand.
@lru_cache(maxsize=2 * MOST_VERSIONS)
def _card(folder: Path, written_ns: int) -> Card:  # noqa: ARG001 - a part of the key
    return read_card(folder)
