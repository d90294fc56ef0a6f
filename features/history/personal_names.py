"""Names of columns that identify people: no message shows their cells."""

from __future__ import annotations

import re
from typing import Final

# Words in the name of a column of contact details.
_WORDS: Final = frozenset(
    ("address", "birth", "birthdate", "birthday", "cell", "contact", "dob", "email", "fax", "firstname",
     "fullname", "lastname", "mail", "mobile", "name", "phone", "surname", "tel", "telephone", "whatsapp")
)  # fmt: skip
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


def names_people(column: str) -> bool:
    """Tells whether the name of a column says that its cells identify people.

    >>> names_people("eMail"), names_people("mobile_phone"), names_people("size")
    (True, True, False)
    """
    return not _WORDS.isdisjoint(word.lower() for word in _WORD.findall(column))
