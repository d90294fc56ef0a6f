"""Hashes the contents of interactions column by column, to what sending each of them gives.

A history has millions of rows: the text of each distinct cell is written once, and what stands before the
lead once for each combination of cells.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.history.lead_history import Ints
from serving.intake.items import AUTOMATED, HASH_BYTES, canonical

# In the order of `canonical`; after these come lead_id, `occurred_at` and value.
_FIRST: Final = ("campaign", "channel", "direction", "further", "kind")


class _Cells(NamedTuple):
    """The cells of a column as they stand in the JSON text of a JSON text.

    Attributes:
        codes: (rows,) index into `texts`.
        texts: of the distinct cells.
    """

    codes: Ints
    texts: Sequence[str]


def contents_of_interactions(rows: pa.Table) -> list[bytes]:
    """Hashes the contents of interactions without other further columns.

    Args:
        rows: with the columns lead_id, kind, `occurred_at`, direction, channel, campaign, value and
            `is_automated`.
    """
    cells = {name: _texts(rows[name]) for name in _FIRST if name != "further"}
    first = _joined({name: cells.get(name) or _further(rows[AUTOMATED]) for name in _FIRST}, len(rows))
    texts = pc.binary_join_element_wise(
        _taken(first),
        _taken(_texts(rows["lead_id"]), ',\\"lead_id\\":', ',\\"occurred_at\\":'),
        rows["occurred_at"].cast(pa.string()).combine_chunks(),
        _taken(_numbers(rows["value"]), ',\\"value\\":', '}"]'),
        "",
    ).cast(pa.binary())
    blake2b = hashlib.blake2b
    return [blake2b(text, digest_size=HASH_BYTES).digest() for text in texts.to_pylist()]


def _joined(columns: Mapping[str, _Cells], rows_count: int) -> _Cells:
    """Joins columns to one of the texts of all combinations that occur."""
    codes, texts, begins = np.zeros(rows_count, np.int64), [""], '["{'
    for name, cells in columns.items():
        count = len(cells.texts)
        pairs = pa.array(codes * count + cells.codes).dictionary_encode()
        codes = pairs.indices.to_numpy().astype(np.int64)
        texts = [
            f'{texts[pair // count]}{begins}\\"{name}\\":{cells.texts[pair % count]}'
            for pair in pairs.dictionary.to_pylist()
        ]
        begins = ","
    return _Cells(codes, texts)


def _taken(cells: _Cells, before: str = "", after: str = "") -> pa.Array:
    texts = pa.array([f"{before}{text}{after}" for text in cells.texts], pa.string())
    return texts.take(pa.array(cells.codes))


def _texts(column: pa.ChunkedArray) -> _Cells:
    encoded = column.combine_chunks().dictionary_encode()
    return _encoded(encoded, (json.dumps(json.dumps(text))[1:-1] for text in encoded.dictionary.to_pylist()))


def _numbers(column: pa.ChunkedArray) -> _Cells:
    """Writes numbers; two are the same if all of their bits are."""
    bits = column.fill_null(0).to_numpy().view(np.int64)
    encoded = pa.array(bits, mask=np.asarray(column.is_null())).dictionary_encode()
    return _encoded(encoded, map(repr, encoded.dictionary.to_numpy().view(np.float64).tolist()))


def _further(automated: pa.ChunkedArray) -> _Cells:
    """Writes the further columns that `is_automated` is hashed with."""
    encoded = automated.combine_chunks().dictionary_encode()
    said = (canonical({AUTOMATED: said}) for said in encoded.dictionary.to_pylist())
    return _encoded(encoded, (json.dumps(json.dumps(text))[1:-1] for text in said))


def _encoded(encoded: pa.DictionaryArray, texts: Iterable[str]) -> _Cells:
    codes = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy()
    return _Cells(codes.astype(np.int64), [*texts, "null"])
