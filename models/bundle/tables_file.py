"""The tables of a scorecard as a file of plain arrays that any language reads, the same bytes every time.

`scorecard.json` says which array is what; the arrays are `average` (K,), `term_000` and so on (codes_a[,
codes_b], K), and, where there are replicas, `replica_average` (R, K) and `replica_term_000` (R, codes_a[,
codes_b], K).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Final

import numpy as np

from features.history.lead_history import Floats
from models.scorecard.scorecard import Replica, Scorecard, Term

# A zip file holds a time of each member; this one is the earliest that it can.
_FIXED_TIME: Final = (1980, 1, 1, 0, 0, 0)
_SUFFIX: Final = ".npy"


def term_key(number: int) -> str:
    """Name of the array of a term."""
    return f"term_{number:03d}"


def arrays_of(scorecard: Scorecard) -> dict[str, Floats]:
    """All arrays of a scorecard by name."""
    arrays = {"average": scorecard.average}
    arrays |= {term_key(i): term.table for i, term in enumerate(scorecard.terms)}
    if scorecard.replicas:
        arrays["replica_average"] = np.stack([replica.average for replica in scorecard.replicas])
        for i in range(len(scorecard.terms)):
            arrays[f"replica_{term_key(i)}"] = np.stack([replica.tables[i] for replica in scorecard.replicas])
    return arrays


def terms_of(arrays: Mapping[str, Floats], features: list[tuple[int, ...]]) -> tuple[Term, ...]:
    """Terms from arrays by name; `features` are the positions of each term's features."""
    return tuple(Term(positions, arrays[term_key(i)]) for i, positions in enumerate(features))


def replicas_of(arrays: Mapping[str, Floats], terms_count: int) -> tuple[Replica, ...]:
    """Replicas from arrays by name; none where there is no `replica_average`.

    Raises:
        ValueError: the arrays hold different numbers of replicas.
    """
    averages = arrays.get("replica_average")
    if averages is None:
        return ()
    tables = [arrays[f"replica_{term_key(i)}"] for i in range(terms_count)]
    if averages.ndim != 2 or any(len(averages) != len(table) for table in tables):
        raise ValueError("the replicas are not equally many in every array")
    return tuple(
        Replica(np.ascontiguousarray(averages[r]), tuple(np.ascontiguousarray(table[r]) for table in tables))
        for r in range(len(averages))
    )


def pack(arrays: Mapping[str, Floats]) -> bytes:
    """Writes arrays as `.npz`: uncompressed, little-endian float64, in the order of the names."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(arrays[name], dtype="<f8"), version=(1, 0))
            archive.writestr(zipfile.ZipInfo(name + _SUFFIX, _FIXED_TIME), member.getvalue())
    return packed.getvalue()


def unpack(content: bytes) -> dict[str, Floats]:
    """Reads what `pack` wrote; nothing but numbers is read.

    Raises:
        ValueError: the bytes are no such file, or hold something other than float64.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name.removesuffix(_SUFFIX): _read_member(archive, name) for name in archive.namelist()}
    except (zipfile.BadZipFile, NotImplementedError, EOFError, MemoryError, OverflowError) as error:
        raise ValueError(f"not a file of arrays ({error})") from None


def _read_member(archive: zipfile.ZipFile, name: str) -> Floats:
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    array = np.lib.format.read_array(io.BytesIO(archive.read(name)), allow_pickle=False)
    if array.dtype != np.dtype("<f8"):
        raise ValueError(f"{name} holds {array.dtype}, not float64")
    return np.ascontiguousarray(array, dtype=np.float64)
