"""What the partition of a lead follows from: its account, else its id; one and the same for linked leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.history.groups import joined_labels

# Before the text of a key: an account and an id of one text are two keys.
ACCOUNT_PREFIX: Final = "a"
ID_PREFIX: Final = "i"


@dataclass(frozen=True, slots=True)
class LinkedKeys:
    """The keys of leads that are linked.

    Attributes:
        keys: distinct keys, each with its prefix.
        roots: (keys,) the key that stands for all that are linked to it, without its prefix.
        ids: distinct ids of all links.
        of_ids: (ids,) the key of each, as in `roots`.
    """

    keys: pa.Array
    roots: pa.Array
    ids: pa.Array
    of_ids: pa.Array

    def of(self, texts: pa.ChunkedArray, *, are_accounts: bool) -> pa.ChunkedArray:
        """Gives the key of accounts or ids: the text itself where it is not linked; null for null."""
        prefix = ACCOUNT_PREFIX if are_accounts else ID_PREFIX
        place = pc.index_in(pc.binary_join_element_wise(prefix, texts, ""), self.keys)
        return pc.if_else(pc.is_valid(place), self.roots.take(place), texts)


def link_keys(
    aliases: Mapping[str, pa.ChunkedArray], ids: pa.ChunkedArray, accounts: pa.ChunkedArray | None
) -> LinkedKeys:
    """Joins the keys of linked leads, and so those of their accounts.

    Args:
        aliases: `alias_id` and `lead_id` of every link as texts, null where missing.
        ids: of all leads.
        accounts: of all leads, null where a lead has none; None where no lead has one.
    """
    links = pa.table(dict(aliases)).drop_null()
    one, other = (links[name].combine_chunks() for name in ("alias_id", "lead_id"))
    ids = ids.combine_chunks()
    own = pc.binary_join_element_wise(ID_PREFIX, ids, "")
    if accounts is not None:
        own = pc.coalesce(pc.binary_join_element_wise(ACCOUNT_PREFIX, accounts.combine_chunks(), ""), own)

    def keys_of(texts: pa.Array) -> pa.Array:
        return pc.coalesce(
            own.take(pc.index_in(texts, ids)), pc.binary_join_element_wise(ID_PREFIX, texts, "")
        )

    encoded = pa.concat_arrays([keys_of(one), keys_of(other)]).dictionary_encode()
    keys, codes = encoded.dictionary, encoded.indices.to_numpy()
    labels = joined_labels(np.arange(len(keys)), codes[: len(one)], codes[len(one) :])
    roots = pc.utf8_slice_codeunits(keys.take(pa.array(labels)), 1)
    linked = pc.unique(pa.concat_arrays([one, other]))
    return LinkedKeys(keys, roots, linked, roots.take(pc.index_in(keys_of(linked), keys)))
