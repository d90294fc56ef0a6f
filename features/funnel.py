"""The sales side of a lead: its stage, whether it is a prospect, and how long it has waited for a reply.

A kind outside the built-in vocabulary is computed like any other but does not change the stage. The
probability never depends on this module: stage and probability can disagree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from features.catalog.spec import SALES_PREFIX, Feature
from features.engine.matrix import FeatureMatrix
from features.history.kinds import (
    CONTENT_KINDS,
    CONVERSATION_KINDS,
    DEMO_KINDS,
    PRICING_KINDS,
    QUOTE_KINDS,
    UNENGAGED_KINDS,
)
from features.history.lead_history import Floats

Stage = Literal["cold", "mql", "sql", "hot"]
STAGES: Final[tuple[Stage, ...]] = ("cold", "mql", "sql", "hot")

WAITING_HOURS: Final = "sales_side_waiting_hours"


class StageRule(NamedTuple):
    """A lead is at least in `stage` if the count `feature` reaches `at_least`."""

    stage: Stage
    feature: str
    at_least: int


# A lead is in the hottest stage with a rule that holds, and cold where none holds.
STAGE_RULES: Final = (
    StageRule("mql", "sales_side_inbound_count", 1),
    StageRule("mql", "sales_side_content_count", 1),
    StageRule("sql", "sales_side_demo_count", 1),
    StageRule("sql", "sales_side_conversation_count", 1),
    StageRule("hot", "sales_side_quote_count", 1),
    StageRule("hot", "sales_side_pricing_count", 1),
    StageRule("hot", "sales_side_conversation_count", 3),
)

_GROUPS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "content": ("Content looked at in depth", CONTENT_KINDS),
        "conversation": ("Conversations", CONVERSATION_KINDS),
        "demo": ("Demos, trials and presentations", DEMO_KINDS),
        "quote": ("Quotes asked for", QUOTE_KINDS),
        "pricing": ("Looks at the prices", PRICING_KINDS),
    }
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a company's ideal profile; a lead whose attribute is missing does not meet it.

    Attributes:
        attribute: name of the attribute.
        at_least: least number that meets it.
        at_most: greatest number that meets it.
        any_of: categories that meet it; for a boolean "yes" or "no".
    """

    attribute: str
    at_least: float | None = None
    at_most: float | None = None
    any_of: tuple[str, ...] = ()


def sales_features(
    own_kinds: Mapping[str, str] = MappingProxyType({}), conditions: Sequence[Condition] = ()
) -> tuple[Feature, ...]:
    """Declares the features of stage, prospect and waiting time; the model never uses them.

    Args:
        own_kinds: the built-in kind that each of a company's own kinds means.
        conditions: the ideal profile.
    """
    counts = [
        Feature(f"{SALES_PREFIX}{name}_count", "count", label, kinds=_with_own(kinds, own_kinds))
        for name, (label, kinds) in _GROUPS.items()
    ]
    unengaged = _with_own(UNENGAGED_KINDS, own_kinds)
    inbound = Feature(
        f"{SALES_PREFIX}inbound_count",
        "count",
        "Times they came to us",
        direction="inbound",
        except_kinds=unengaged,
    )
    waiting = Feature(
        WAITING_HOURS,
        "waiting_hours",
        "Hours since we owe them a reply",
        "hours",
        except_kinds=unengaged,
    )
    profile = [_profile_feature(condition) for condition in conditions]
    return (*counts, inbound, waiting, *{feature.name: feature for feature in profile}.values())


def stages(matrix: FeatureMatrix, *, rules: Sequence[StageRule] = STAGE_RULES) -> npt.NDArray[np.int8]:
    """Finds the stage of each example.

    Args:
        matrix: holds the rows of `sales_features`.
        rules: the hottest stage with a rule that holds is the stage of a lead.

    Returns:
        (n,) position in `STAGES`.
    """
    at_least, stage_of = _rule_columns(tuple(rules))
    reached = matrix.values.take([matrix.row(rule.feature) for rule in rules], axis=0) >= at_least
    stage: npt.NDArray[np.int8] = np.maximum.reduce(reached * stage_of, axis=0, initial=0)
    return stage


@lru_cache(maxsize=64)
def _rule_columns(rules: tuple[StageRule, ...]) -> tuple[Floats, npt.NDArray[np.int8]]:
    """Gives (rules, 1) least counts and positions in `STAGES`."""
    at_least = np.array([rule.at_least for rule in rules], dtype=np.float64)
    stage_of = np.array([STAGES.index(rule.stage) for rule in rules], dtype=np.int8)
    return at_least[:, None], stage_of[:, None]


def waiting_hours(matrix: FeatureMatrix) -> Floats:
    """Gives (n,) hours since the oldest unanswered inbound interaction; NaN where there is none.

    Interactions of `UNENGAGED_KINDS` do not count: nobody answers an unsubscription. A feature of a model
    with the same measure counts them, unless its declaration says otherwise.
    """
    return matrix.column(WAITING_HOURS)


def prospects(matrix: FeatureMatrix, conditions: Sequence[Condition] = ()) -> npt.NDArray[np.bool_]:
    """Finds the prospects: leads that talked with a representative and meet the ideal profile.

    Args:
        matrix: holds the rows of `sales_features` for the same conditions.
        conditions: all must hold; without any, every lead with a conversation is a prospect.

    Returns:
        (n,) booleans.
    """
    prospect: npt.NDArray[np.bool_] = matrix.column(f"{SALES_PREFIX}conversation_count") >= 1
    for condition in conditions:
        prospect = prospect & _meets(matrix, condition)
    return prospect


def _meets(matrix: FeatureMatrix, condition: Condition) -> npt.NDArray[np.bool_]:
    name = _profile_name(condition)
    values = matrix.column(name)
    meets = ~np.isnan(values)
    if condition.at_least is not None:
        meets &= values >= condition.at_least
    if condition.at_most is not None:
        meets &= values <= condition.at_most
    if condition.any_of:
        # A feature without a vocabulary is a boolean.
        categories = matrix.vocabularies.get(name, ("no", "yes"))
        codes = [code for code, category in enumerate(categories) if category in condition.any_of]
        meets &= np.isin(values, codes)
    return meets


def _profile_feature(condition: Condition) -> Feature:
    is_boolean = bool(condition.any_of) and set(condition.any_of) <= {"yes", "no"}
    is_category = bool(condition.any_of) and not is_boolean
    return Feature(
        _profile_name(condition),
        "attribute",
        condition.attribute,
        type="category" if is_category else "boolean" if is_boolean else "number",
        attribute=condition.attribute,
    )


def _profile_name(condition: Condition) -> str:
    return f"{SALES_PREFIX}attribute_{condition.attribute}"


def _with_own(kinds: tuple[str, ...], own_kinds: Mapping[str, str]) -> tuple[str, ...]:
    return (*kinds, *sorted(own for own, known in own_kinds.items() if known in kinds))


SALES_FEATURES: Final = sales_features()
