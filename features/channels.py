"""The channel of the first and of the last interaction that has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.columns import Floats
from features.rows import KnownRows
from features.selections import Bools, Cells, selection_of
from features.spec import Feature
from features.times import NEVER_US


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """First and last channels.

    Attributes:
        member: (features, cells) which rows are looked at.
        sign: (features, 1) 1 for the last channel (the least age), -1 for the first (the greatest).
    """

    member: Bools
    sign: Floats


def plan_channels(features: Sequence[Feature], cells: Cells) -> ChannelPlan:
    """Plans them in the order of the features."""
    member = np.array([cells.members(selection_of(feature)) for feature in features])
    sign = [[-1 if feature.measure == "first_channel" else 1] for feature in features]
    return ChannelPlan(member.reshape(len(features), cells.count), np.array(sign, dtype=np.int64))


def measure_channels(plan: ChannelPlan, rows: KnownRows) -> Floats:
    """Gives (features, examples) codes of channels, NaN where no chosen row has one."""
    code = rows.interactions.channel.codes[rows.row]
    feature, place = np.nonzero(plan.member.take(rows.cell, axis=1) & (code >= 0))
    group = feature * rows.examples_count + rows.example.take(place)
    # The least signed age is the age of the row that is wanted; of several rows the first name wins.
    age = (plan.sign * rows.age)[feature, place]
    least = np.full(len(plan.sign) * rows.examples_count, NEVER_US, dtype=np.int64)
    np.minimum.at(least, group, age)
    is_wanted = age == least.take(group)
    first = np.full(len(least), NEVER_US, dtype=np.int64)
    np.minimum.at(first, group[is_wanted], code.take(place[is_wanted]))
    return np.where(first == NEVER_US, np.nan, first).reshape(len(plan.sign), rows.examples_count)
