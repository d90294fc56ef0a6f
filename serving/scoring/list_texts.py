"""Writes lists of objects as JSON texts, a column at a time: the bytes that pydantic gives for each list."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic_core import to_json


def list_texts(column: pa.ChunkedArray) -> list[str]:
    """Writes each list of a column of lists of structs, none of which is null, as a JSON text.

    Texts are written once for each distinct one and numbers in one call, which takes a tenth of the time of
    making an object for each and writing that.

    >>> list_texts(pa.chunked_array([[[{"days": 1.0, "name": "a"}], []]]))
    ['[{"days":1.0,"name":"a"}]', '[]']
    """
    lists = column.combine_chunks()
    structs = lists.flatten()
    parts: list[Any] = []
    for place, field in enumerate(structs.type):
        lead = ("," if place else "{") + to_json(field.name).decode() + ":"
        parts += [pa.scalar(lead), _cells(pc.struct_field(structs, place))]
    objects = pc.binary_join_element_wise(*parts, pa.scalar("}"), "")
    own = pa.ListArray.from_arrays(pc.subtract(lists.offsets, lists.offsets[0]), objects)
    texts: list[str] = pc.binary_join_element_wise("[", pc.binary_join(own, ","), "]", "").to_pylist()
    return texts


def _cells(cells: pa.Array) -> pa.Array:
    """Writes each cell as JSON."""
    if pa.types.is_string(cells.type):
        encoded = cells.dictionary_encode()
        texts = [to_json(text).decode() for text in encoded.dictionary.to_pylist()]
        return pa.array(texts, pa.string()).take(encoded.indices).fill_null("null")
    written = to_json(cells.to_pylist())[1:-1].decode()
    return pa.array(written.split(",") if written else [], pa.string())
