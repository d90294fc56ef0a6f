"""Attributes whose values identify people: no message shows them."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from features.findings.problems import Findings
from features.history.lead_history import Attribute, LeadHistory
from features.history.personal_data import ADDRESS, personal_data_of
from features.history.personal_names import names_people

# Wider than what keeps a column from being a feature: a message shows no cell that may be a number to call.
_PHONE: Final = re.compile(r"\+?[\d\s()./-]{7,}")
# Share of the values, or of the leads, from which on a column is one of contact details.
_MOST: Final = 0.5


def identifies_people(name: str, attribute: Attribute) -> bool:
    """Tells whether an attribute names single people: by its name, or by most of its values.

    Args:
        name: of the column.
        attribute: only categories can name people.

    >>> identifies_people("eMail", Attribute("category", np.array([0.0, 0.0]), ("a", "b")))
    True
    >>> identifies_people("region", Attribute("category", np.array([0.0, 0.0, 0.0]), ("north", "south")))
    False
    """
    if attribute.type != "category":
        return False
    values = attribute.values[~np.isnan(attribute.values)]
    texts = [attribute.categories[code] for code in np.unique(values).astype(np.int64).tolist()]
    alike = sum(bool(ADDRESS.fullmatch(text) or _PHONE.fullmatch(text)) for text in texts)
    return names_people(name) or len(texts) > _MOST * len(values) or alike > _MOST * len(texts)


def check_personal_data(history: LeadHistory, findings: Findings) -> None:
    """Reports the attributes that no feature is made of because they look like personal data."""
    for name, attribute in history.attributes.items():
        said = history.settings.attribute(name)
        what = personal_data_of(name, attribute) if said.is_feature and said.use is None else None
        if what is not None:
            findings.add("D106", table="leads", column=name, what=what)
