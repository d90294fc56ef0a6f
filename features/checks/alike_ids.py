"""Ids that are no lead's and read like one: the ids of two systems that were meant to be the same."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pyarrow as pa


def alike_ids(unknown: Collection[str], lead_ids: pa.ChunkedArray | pa.Array) -> dict[str, str]:
    """Finds leads whose id differs from an unknown one only in spaces around it, case or zeros.

    Args:
        unknown: a few ids that are no lead's.
        lead_ids: of the leads.

    >>> alike_ids(["L1 ", "007", "x"], pa.array(["l1", "7", "8"]))
    {'L1 ': 'l1', '007': '7'}
    """
    # Imported late, as below: a server reads what a model needs, and looks for no ids in columns.
    import pyarrow.compute as pc

    if not unknown:
        return {}
    wanted = _plain_ids(pa.array(unknown, pa.string())).to_pylist()
    plain = _plain_ids(lead_ids)
    found = pc.filter(lead_ids, pc.is_in(plain, pa.array(wanted, pa.string())))
    by_plain = dict(zip(_plain_ids(found).to_pylist(), found.to_pylist(), strict=True))
    return {own: by_plain[text] for own, text in zip(unknown, wanted, strict=True) if text in by_plain}


def _plain_ids(ids: pa.ChunkedArray | pa.Array) -> Any:
    import pyarrow.compute as pc

    trimmed = pc.utf8_lower(pc.utf8_trim_whitespace(ids))
    return pc.utf8_ltrim(pc.replace_substring_regex(trimmed, pattern=r"\.0$", replacement=""), characters="0")
