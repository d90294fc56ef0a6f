"""Names under which MLflow keeps our versions, and where; without MLflow, which takes seconds to load."""

from __future__ import annotations

import os
import re
from typing import Final

from models.home.home import Home

MODEL_NAME: Final = "leadodds"
CHAMPION: Final = "champion"
PAST_CHAMPIONS: Final = "past_champions"
# Tag of a version: the digest of its model, compared with what the home holds under its number.
CONTENT_DIGEST: Final = "content_digest"
_MODEL_NAME_VARIABLE: Final = "LEADODDS_MODEL_NAME"
_NOT_IN_TAGS: Final = re.compile(r"[^\w.\- ]")
_LONGEST_TAG: Final = 250
_ADDRESSES: Final = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")


def registered_name() -> str:
    """The name of the registered model: LEADODDS_MODEL_NAME, else `leadodds`."""
    return os.environ.get(_MODEL_NAME_VARIABLE) or MODEL_NAME


def gate_tag(rule: str) -> str:
    """Names the tag of a rule of the gate, whose name may hold a category: MLflow refuses most signs in it.

    >>> gate_tag("segment country=CH/LI")
    'gate.segment country_CH_LI'
    """
    return f"gate.{_NOT_IN_TAGS.sub('_', rule)}"[:_LONGEST_TAG]


def is_in_home() -> bool:
    """Whether versions are registered in the home, because the environment names no other place."""
    return not any(os.environ.get(name) for name in _ADDRESSES)


def is_unmade(home: Home) -> bool:
    """Whether versions are registered in a home that has no registry yet: only a training makes one."""
    return is_in_home() and not home.database.exists()
