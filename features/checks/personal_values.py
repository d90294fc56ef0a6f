"""Attributes whose values identify people: no message shows them."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from features.history.lead_history import Attribute

# Words in the name of a column of contact details.
_WORDS: Final = frozenset(
    ("address", "cell", "contact", "email", "fax", "firstname", "fullname", "lastname", "mail", "mobile",
     "name", "phone", "surname", "tel", "telephone", "whatsapp")
)  # fmt: skip
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
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
    has_word = not _WORDS.isdisjoint(word.lower() for word in _WORD.findall(name))
    return has_word or len(texts) > _MOST * len(values) or alike > _MOST * len(texts)
