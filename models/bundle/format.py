"""The version of the files in a bundle, and how to change it.

Raise it when a bundle written before could be read wrongly by the code after: another meaning of a field,
of a code or of a table. A new optional field is no reason. Teach `read_bundle` the old versions it can
still read, and say in the commit what changed.
"""

from __future__ import annotations

from typing import Final

FORMAT_VERSION: Final = 1

CARD_FILE: Final = "card.json"
FEATURES_FILE: Final = "features.json"
SCORECARD_FILE: Final = "scorecard.json"
TABLES_FILE: Final = "scorecard.npz"
DIGESTS_FILE: Final = "digests.json"

# What a bundle consists of, beside the digests.
CONTENT_FILES: Final = (CARD_FILE, FEATURES_FILE, SCORECARD_FILE, TABLES_FILE)
