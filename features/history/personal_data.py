"""Which attributes look like personal data: by default no model uses them, and no message shows their cells.

A model learns from groups of leads; what names one person is noise to it, and a risk to that person. Only
what most cells of a column say, or the words of its name, decides; `use = "feature"` in `history.toml`
allows a column by name.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from features.history.lead_history import Attribute
from features.history.settings import HistorySettings

# A value of fewer leads may be about one person: no model, report or name of a feature holds it, so that
# nothing of them has to be erased.
LEADS_AT_LEAST: Final = 20

# Words at the end of the name of a column, by what they say that it holds. Numbers, too: phone numbers are
# digits. Words such as `number` may follow.
_NAMED: Final = {
    "e-mail addresses": {"email", "mail"},
    "phone numbers": {"phone", "telephone", "mobile", "fax", "whatsapp", "tel", "cellphone"},
    "names of people": {"firstname", "lastname", "surname", "fullname", "forename"},
    "numbers of identity documents": {"ssn", "bsn", "passport", "nino", "iban"},
    "IP addresses": {"ip", "ipaddress"},
}
_BIRTH: Final = frozenset({"birth", "birthday", "birthdate", "dob"})
_TRAILING: Final = frozenset({"address", "number", "no", "nr"})
_OF_A_NAME: Final = frozenset({"first", "last", "full", "middle", "given", "family", "contact", "person"})
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE: Final = re.compile(r"(\+|0|\()[\d\s()./-]{7,}|\d{3}[-. ]\d{3}[-. ]\d{4}")
_DATE: Final = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}")
_IP: Final = re.compile(r"(\d{1,3}\.){3}\d{1,3}|[0-9a-fA-F]{0,4}(:[0-9a-fA-F]{0,4}){3,7}")
_IDENTITY: Final = re.compile(r"\d{3}-\d{2}-\d{4}|[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]")
_SHAPES: Final = (
    ("e-mail addresses", ADDRESS),
    ("IP addresses", _IP),
    ("numbers of identity documents", _IDENTITY),
    ("phone numbers", _PHONE),
)
_OWN_TEXT: Final = "a text of its own for nearly every lead"
# Share of the values that must look alike; share of the cells that must differ, and cells at least.
_MOST: Final = 0.5
_NEARLY_ALL: Final = 0.9
_CELLS_AT_LEAST: Final = 50
# A column of fewer values is one of groups, whatever its name, unless most of its cells differ.
_VALUES_AT_LEAST: Final = 20
# Values looked at: evenly spread over all, in their order.
_LOOKED_AT: Final = 2_000


def may_be_feature(name: str, attribute: Attribute, settings: HistorySettings) -> bool:
    """Tells whether a model may use an attribute that nobody declared a feature of."""
    if settings.attribute(name).use == "feature":
        return True
    return settings.is_feature(name) and personal_data_of(name, attribute) is None


def personal_data_of(name: str, attribute: Attribute) -> str | None:
    """Says which personal data an attribute looks like; None for all others.

    Args:
        name: of the column.
        attribute: its values at creation and its changes count alike.

    >>> from features.history.lead_history import Attribute
    >>> of = lambda *texts: Attribute("category", np.arange(len(texts), dtype=float), texts)
    >>> personal_data_of("login", of("a@b.nl", "c@d.nl", "unknown"))
    'e-mail addresses'
    >>> personal_data_of("date of birth", of("2001-02-03"))
    'dates of birth'
    >>> personal_data_of("region", of("north", "south")), personal_data_of("email_opt_in", of("yes", "no"))
    (None, None)
    """
    if attribute.type == "boolean":
        return None
    named = _by_name(name)
    if attribute.type == "number":
        return named if named in ("phone numbers", "numbers of identity documents") else None
    cells = attribute.values
    if attribute.changes is not None:
        cells = np.concatenate((cells, attribute.changes.values))
    codes = np.unique(cells[~np.isnan(cells)]).astype(np.int64)
    looked_at = codes[np.linspace(0, len(codes) - 1, min(len(codes), _LOOKED_AT)).astype(np.int64)]
    texts = [attribute.categories[code] for code in looked_at.tolist()]
    for what, shape in _SHAPES:
        if _are_most(shape, texts) and not _are_most(_DATE, texts):
            return what
    filled = int(np.count_nonzero(~np.isnan(cells)))
    is_varied = len(codes) >= _VALUES_AT_LEAST or len(codes) > _MOST * filled
    if named is not None and is_varied:
        return named
    is_own = filled >= _CELLS_AT_LEAST and len(codes) > _NEARLY_ALL * filled
    return _OWN_TEXT if is_own else None


def _are_most(shape: re.Pattern[str], texts: list[str]) -> bool:
    return sum(bool(shape.fullmatch(text)) for text in texts) > _MOST * len(texts)


def _by_name(name: str) -> str | None:
    """Finds what the last words of a name say: `emails_opened` says nothing of a person."""
    words = [word.lower() for word in _WORD.findall(name)]
    if words[-1:] == ["name"] and _OF_A_NAME & {*words}:
        return "names of people"
    if _BIRTH & {*words}:
        return "dates of birth"
    while words and words[-1] in _TRAILING:
        words.pop()
    return next((what for what, ends in _NAMED.items() if words[-1:] and words[-1] in ends), None)
