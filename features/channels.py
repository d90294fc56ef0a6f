"""The channel of the first and of the last interaction that has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.columns import Floats, Ints
from features.rows import KnownRows, filled, group_rows
from features.selections import Bools, Cells, selection_of
from features.spec import Feature
from features.times import NEVER_US


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """First and last channels.

    Attributes:
        member: (features, cells) which rows are looked at.
        sign: (features,) 1 for the last channel (the least age), -1 for the first (the greatest).
    """

    member: Bools
    sign: Ints


def plan_channels(features: Sequence[Feature], cells: Cells) -> ChannelPlan:
    """Plans them in the order of the features."""
    member = np.array([cells.members(selection_of(feature)) for feature in features])
    sign = [-1 if feature.measure == "first_channel" else 1 for feature in features]
    return ChannelPlan(member, np.array(sign, dtype=np.int64))


def measure_channels(plan: ChannelPlan, rows: KnownRows) -> Floats:
    """Gives (features, examples) codes of channels, NaN where no chosen row has one."""
    code = rows.interactions.channel.codes[rows.row]
    chosen = plan.member.take(rows.cell, axis=1)
    chosen &= code >= 0
    group, place = group_rows(chosen, rows)
    # The least signed age is the age of the row that is wanted; of several rows the first name wins.
    age = plan.sign.take(group // rows.examples_count) * rows.age.take(place)
    least = filled(len(plan.sign) * rows.examples_count, NEVER_US)
    np.minimum.at(least, group, age)
    is_wanted = age == least.take(group)
    first = np.full(len(least), np.nan)
    # fmin takes the number where the other is NaN, so that the first code counts.
    np.fmin.at(first, group[is_wanted], code.take(place[is_wanted]).astype(np.float64))
    return first.reshape(-1, rows.examples_count)
