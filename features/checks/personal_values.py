"""Attributes whose values identify people: no message shows them."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from features.history.lead_history import Attribute
from features.history.personal_names import names_people

_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
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
    alike = sum(bool(_ADDRESS.fullmatch(text) or _PHONE.fullmatch(text)) for text in texts)
    return names_people(name) or len(texts) > _MOST * len(values) or alike > _MOST * len(texts)
